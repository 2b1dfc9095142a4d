/* The hosted platform and HTTP with the test routes: the kernel's main loop without an engine. */
#include "command_line.h"
#include "heap.h"
#include "http.h"
#include "log.h"
#include "platform.h"
#include "transport.h"

#define HEAP ((size_t)24 << 20)

_Noreturn void kernel_main(void) {
    struct memory_span image;
    command_line_start(platform_command_line());
    memory_start(platform_free_memory(), HEAP);
    if (platform_model_image(&image))
        log_info("test", "image of %zu bytes begins with %.4s", image.size, (char *)image.start);
    if (!http_start())
        platform_exit(1);
    while (!platform_stop_requested()) {
        bool busy = transport_poll();
        busy |= http_poll();
        if (!busy)
            platform_idle(clock_nanoseconds() + 1000000000);
    }
    log_info("test", "%zu KiB free, %zu bytes of heap in use", memory_available() / 1024,
             heap_statistics().used);
    platform_exit(0);
}
