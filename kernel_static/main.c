/* The boot order and the main loop, the same on every target. Everything below runs on one thread
 * of control: the transport delivers bytes to HTTP, HTTP calls handlers, handlers queue jobs, and
 * the engine works on one job in slices; only inside a slice do other CPUs help. */

#include "appliance.h"
#include "command_line.h"
#include "engine.h"
#include "fault.h"
#include "heap.h"
#include "http.h"
#include "metrics.h"
#include "panic.h"
#include "platform.h"
#include "transport.h"
#include "vitals.h"
#include "workers.h"

#define IDLE_NANOSECONDS 1000000000u
#define SERVE_NANOSECONDS 500000u /* between looks at the network while the engine works */

_Noreturn void kernel_main(void) {
    command_line_start(platform_command_line());
#ifdef DEBUG
    fault_provoke();
#endif
    memory_start(platform_free_memory(), MEMORY_HEAP);
    workers_start(command_line_number("cpus", 0, WORKERS_MAX, 0));
    vitals_start();
#ifdef DEBUG
    fault_provoke_on_workers();
#endif
    if (!http_start()) /* first, so that the network comes up while the model is bound */
        panic("no network: the log above says why");
    engine_start(command_line_number("guesses", 0, 1, 1));

    uint64_t served = 0;
    while (!platform_stop_requested()) {
        bool busy = engine_poll();
        uint64_t now = clock_nanoseconds();
        if (busy && now - served < SERVE_NANOSECONDS)
            continue;
        if (busy)
            metric_observe(HISTOGRAM_LOOP_PAUSE, now - served);
        served = now;
        busy |= transport_poll();
        busy |= http_poll();
        if (!busy) {
            uint64_t latest = now + IDLE_NANOSECONDS, timer = transport_deadline();
            platform_idle(timer < latest ? timer : latest);
            metric_add(METRIC_IDLE_TIME, clock_nanoseconds() - now);
        }
    }
    platform_exit(0);
}
