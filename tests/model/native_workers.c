/* Workers of a test's shared library: plain threads, as many as asked for, bound to no CPU, since
 * several tests share the machine. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "processors.h"
#include "workers.h"

struct start {
    void (*run)(size_t index);
    size_t index;
};

static void *enter(void *context) {
    const struct start *start = context;
    start->run(start->index);
    return NULL;
}

size_t processors_available(void) { return WORKERS_MAX; }

size_t processors_start(size_t most, void (*run)(size_t index)) {
    static struct start starts[WORKERS_MAX];
    size_t started = 0;
    for (size_t index = 1; index <= most && index < WORKERS_MAX; index++, started++) {
        pthread_t thread;
        starts[index] = (struct start){run, index};
        if (pthread_create(&thread, NULL, enter, &starts[index]))
            break;
        pthread_detach(thread);
    }
    return started;
}

void processors_sleep(const uint32_t *word, uint32_t seen) {
    (void)word;
    (void)seen;
    usleep(200);
}

void processors_wake(const uint32_t *word) { (void)word; }

void processors_yield(void) { sched_yield(); }
