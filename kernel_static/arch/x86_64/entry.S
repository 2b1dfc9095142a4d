/* From the Multiboot loader to C: it comes in 32-bit protected mode, paging and interrupts off,
 * EAX the loader's magic, EBX its information (Multiboot Specification 0.6.96, 3.2), and leaves
 * in long mode with the first GiB identity mapped by writable 2 MiB pages. Those tables serve
 * until arch_paging_start. */

#include "exit_port.h"
#include "segments.h"

#define CR0_MONITOR   (1 << 1)
#define CR0_EMULATE   (1 << 2)
#define CR0_NATIVE_ERROR (1 << 5)
#define CR0_WRITE_PROTECT (1 << 16)
#define CR0_PAGING    (1 << 31)
#define CR4_ADDRESS_EXTENSION (1 << 5)
#define CR4_SSE       (1 << 9 | 1 << 10)    /* state saved by FXSAVE; SSE exceptions wanted */
#define EFER          0xc0000080
#define EFER_LONG_MODE (1 << 8)
#define CPUID_EXTENDED_EDX_LONG_MODE (1 << 29)
#define PAGE_PRESENT_WRITABLE 3
#define PAGE_LARGE    (1 << 7)

        .section .text.boot, "ax"
        .code32
        .global start
start:
        cld
        movl    $layout_main_stack_top, %esp
        movl    %eax, %esi
        movl    %ebx, %edi              /* the two arguments of pc_start, kept from here on */

        movl    $0x80000000, %eax
        cpuid
        cmpl    $0x80000001, %eax
        jb      no_long_mode
        movl    $0x80000001, %eax
        cpuid
        testl   $CPUID_EXTENDED_EDX_LONG_MODE, %edx
        jz      no_long_mode

        movl    $boot_directory, %ebx
        movl    $(PAGE_PRESENT_WRITABLE | PAGE_LARGE), %eax
        movl    $512, %ecx
1:      movl    %eax, (%ebx)
        addl    $0x200000, %eax
        addl    $8, %ebx
        loop    1b
        movl    $(boot_directory + PAGE_PRESENT_WRITABLE), boot_pointers
        movl    $(boot_pointers + PAGE_PRESENT_WRITABLE), boot_root

        movl    %cr4, %eax              /* compiled C uses SSE registers from its first line */
        orl     $(CR4_ADDRESS_EXTENSION | CR4_SSE), %eax
        movl    %eax, %cr4
        movl    $boot_root, %eax
        movl    %eax, %cr3
        movl    $EFER, %ecx
        rdmsr
        orl     $EFER_LONG_MODE, %eax
        wrmsr
        movl    %cr0, %eax
        andl    $~CR0_EMULATE, %eax
        orl     $(CR0_PAGING | CR0_WRITE_PROTECT | CR0_MONITOR | CR0_NATIVE_ERROR), %eax
        movl    %eax, %cr0
        lgdt    descriptor_register
        ljmp    $SEGMENT_CODE, $long_mode

no_long_mode:
        movl    $no_long_mode_text, %esi
        movw    $0x3f8, %dx             /* the first serial port, set up by the firmware or not */
2:      lodsb
        testb   %al, %al
        jz      3f
        outb    %al, %dx
        jmp     2b
3:      movb    $(EXIT_BASE + PANIC_EXIT_CODE), %al
        outb    %al, $DEBUG_EXIT_PORT
4:      hlt
        jmp     4b

        .code64
long_mode:
        movw    $SEGMENT_DATA, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    $layout_main_stack_top, %esp
        fninit
        movl    %esi, %eax
        movl    %edi, %esi
        movl    %eax, %edi
        xorl    %ebp, %ebp              /* the end of every backtrace */
        call    pc_start
4:      hlt
        jmp     4b

        .section .rodata
no_long_mode_text:
        .asciz  "this image needs a 64-bit processor; TARGET=i386 makes one that does not\r\n"
        .balign 8
        .global descriptor_register
descriptor_register:
        .word   SEGMENT_COUNT * 8 - 1
        .quad   descriptor_table

        .section .bss
        .balign 4096
boot_root:
        .skip   4096
boot_pointers:
        .skip   4096
boot_directory:
        .skip   4096

        .section .note.GNU-stack, "", @progbits
