/* The end of the run. QEMU's isa-debug-exit device turns a byte b written to it into the exit
 * status 2b + 1; codes are moved up by EXIT_BASE so that none is mistaken for a failure of QEMU
 * itself, whose status is 1. cllm_gen/machine/qemu.py undoes this. */

#include "arch.h"
#include "arch_io.h"
#include "platform.h"

#define DEBUG_EXIT_PORT 0xf4
#define EXIT_BASE 16

_Noreturn void platform_exit(int code) {
    io_out8(DEBUG_EXIT_PORT, (uint8_t)(EXIT_BASE + code));
    arch_halt();
}

/* Nobody at a PC's console can ask: the machine is switched off instead. */
bool platform_stop_requested(void) {
    return false;
}
