/* Bringing up the machine, from the end of entry.S to the boot order that all targets share. */

#include "arch.h"
#include "machine.h"

/* Called by entry.S on the main stack, interrupts off. */
_Noreturn void pc_start(uint32_t magic, uint32_t information);

_Noreturn void pc_start(uint32_t magic, uint32_t information) {
    arch_start();
    console_start();
    multiboot_start(magic, information);
    memory_map_start();
    arch_enable_vectors();
    irq_start();
    clock_start();
    pci_assign();
    kernel_main();
}
