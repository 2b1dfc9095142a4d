/* The Multiboot header (Multiboot Specification 0.6.96, 3.1): within the first 8,192 bytes of the
 * file. Modules on page boundaries, and a memory map, are wanted. */

#define MAGIC 0x1badb002
#define FLAGS 0x00000003

        .section .multiboot, "a"
        .balign 4
        .long   MAGIC
        .long   FLAGS
        .long   -(MAGIC + FLAGS)

        .section .note.GNU-stack, "", @progbits
