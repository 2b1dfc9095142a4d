/* The boot order and the main loop, the same on every target. */

#include "command_line.h"
#include "fault.h"
#include "log.h"
#include "platform.h"

_Noreturn void kernel_main(void) {
    command_line_start(platform_command_line());
#ifdef DEBUG
    fault_provoke();
#endif

    while (!platform_stop_requested())
        platform_idle(clock_nanoseconds() + 1000000000);
    platform_exit(0);
}
