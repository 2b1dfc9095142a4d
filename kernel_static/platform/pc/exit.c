/* The end of the run. */

#include "arch.h"
#include "arch_io.h"
#include "exit_port.h"
#include "machine.h"

_Noreturn void platform_exit(int code) {
    console_drain();
    io_out8(DEBUG_EXIT_PORT, (uint8_t)(EXIT_BASE + code));
    arch_halt();
}

/* Nobody at a PC's console can ask: the machine is switched off instead. */
bool platform_stop_requested(void) { return false; }
