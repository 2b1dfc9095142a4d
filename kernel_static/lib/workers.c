/* Each hand-over is one cache line that one side writes and the others read: the number of the
 * piece of work that was published, how many workers have arrived at a barrier, and which barriers
 * are complete. */
#include "workers.h"

#include <stdbool.h>

#include "log.h"
#include "panic.h"
#include "platform.h"
#include "processors.h"

#define LINE 128 /* bytes: a cache line and the one that is fetched with it */

/* Pauses between two looks at the clock or at other programs' wishes; some microseconds. */
#define PATIENCE 256
/* How long a worker spins before it sleeps: longer than what lies between two stages or tokens. */
#define SPIN_NANOSECONDS 2000000

struct shared_word {
    uint32_t value;
} __attribute__((aligned(LINE)));

static size_t count = 1;
static struct {
    void (*work)(size_t worker, const void *context);
    const void *context;
} piece;
static struct shared_word published; /* pieces of work so far */
static struct shared_word sleepers;  /* workers that sleep, or are about to */
static struct shared_word arrived;   /* workers at the barrier that is not complete */
static struct shared_word complete;  /* barriers passed so far */

static uint32_t look(const struct shared_word *word) {
    return __atomic_load_n(&word->value, __ATOMIC_ACQUIRE);
}

size_t workers_count(void) { return count; }

void workers_barrier(void) {
    if (count == 1)
        return;
    uint32_t passed = look(&complete);
    if (__atomic_add_fetch(&arrived.value, 1, __ATOMIC_ACQ_REL) == count) {
        __atomic_store_n(&arrived.value, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&complete.value, passed + 1, __ATOMIC_RELEASE);
        return;
    }
    for (unsigned spins = 1; look(&complete) == passed; spins++) {
        processors_pause();
        if (spins % (16 * PATIENCE) == 0)
            processors_yield();
    }
}

/* Both this and workers_run change their own word and then look at the other's, in one order that
 * all agree on: either the worker sees the new piece here or the publisher sees the sleeper. */
static void sleep_until_published(uint32_t done) {
    __atomic_add_fetch(&sleepers.value, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&published.value, __ATOMIC_SEQ_CST) == done)
        processors_sleep(&published.value, done);
    __atomic_sub_fetch(&sleepers.value, 1, __ATOMIC_SEQ_CST);
}

static void wait_for_work(uint32_t done) {
    uint64_t start = clock_nanoseconds();
    for (unsigned spins = 1; look(&published) == done; spins++) {
        processors_pause();
        if (spins % PATIENCE == 0 && clock_nanoseconds() - start > SPIN_NANOSECONDS) {
            sleep_until_published(done);
            return;
        }
    }
}

static void worker_loop(size_t worker) {
    for (uint32_t done = 0;; done++) {
        wait_for_work(done);
        piece.work(worker, piece.context);
        workers_barrier();
    }
}

void workers_run(void (*work)(size_t worker, const void *context), const void *context) {
    if (count > 1) {
        piece.work = work;
        piece.context = context;
        __atomic_add_fetch(&published.value, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&sleepers.value, __ATOMIC_SEQ_CST))
            processors_wake(&published.value);
    }
    work(0, context);
    workers_barrier();
}

void workers_start(size_t wanted) {
    kernel_assert(count == 1);
    size_t most = processors_available();
    if (wanted && wanted < most)
        most = wanted;
    if (most > WORKERS_MAX)
        most = WORKERS_MAX;
    count = 1 + processors_start(most - 1, worker_loop);
    if (wanted > count)
        log_warn("smp", "%zu CPUs are wanted, %zu run", wanted, count);
    log_info("smp", "%zu CPU%s", count, count == 1 ? "" : "s");
}
