/* What no other part of the kernel provides: the groups process, memory and limits. */
#include "vitals.h"

#include "exposition.h"
#include "heap.h"
#include "image.h"
#include "platform.h"
#include "workers.h"

#define SECOND UINT64_C(1000000000)

static size_t reservable; /* bytes, before anything but workers reserved */

/* Heap that no owner has told of: the engine's, and what handlers work with. */
static uint64_t others(size_t used) {
    uint64_t owned = metric_values[METRIC_HEAP_OWNED_TRANSPORT] +
                     metric_values[METRIC_HEAP_OWNED_CONNECTIONS] +
                     metric_values[METRIC_HEAP_OWNED_REQUESTS];
    return used > owned ? used - owned : 0;
}

/* Measures memory too: the last group to be asked, so all owners have told. */
static void measure(void) {
    struct heap_statistics heap = heap_statistics();
    metric_set(METRIC_UPTIME, clock_nanoseconds());
    metric_set(METRIC_PROCESSORS, workers_count());
    metric_set(METRIC_HEAP_OWNED_OTHERS, others(heap.used));
    metric_set(METRIC_HEAP_ROOM, heap.total);
    metric_set(METRIC_HEAP_USED, heap.used);
    metric_set(METRIC_HEAP_USED_MOST, heap.peak);
    metric_set(METRIC_HEAP_BLOCK_LARGEST, heap_largest());
    metric_set(METRIC_HEAP_ALLOCATIONS, heap.allocations);
    metric_set(METRIC_HEAP_FAILURES, heap.failures);
    metric_set(METRIC_MEMORY_RESERVED, reservable - memory_available());
    metric_set(METRIC_MEMORY_LEFT, memory_available());
}

void vitals_start(void) {
    reservable = memory_available();
    metric_set(METRIC_START_TIME, clock_unix_seconds() * SECOND - clock_nanoseconds());
    metric_texts[METRIC_TEXT_IMAGE_IDENTITY] = image_identity;
    _Static_assert(METRICS_PROCESS == METRICS_GROUPS - 1, "asked last");
    exposition_provide(METRICS_PROCESS, measure);
    exposition_provide(METRICS_MEMORY, NULL);
    exposition_provide(METRICS_LIMITS, NULL);
}
