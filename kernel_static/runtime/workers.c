/* Two numbers that only grow order what workers do: how many pieces of work were published, and how
 * often a worker has come to a barrier. Who waits for one of them spins first and sleeps then,
 * because another program may have the CPU of whom it waits for. What they take of a shared number
 * of things orders nothing. */
#include "workers.h"

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "panic.h"
#include "platform.h"
#include "processors.h"

#define LINE 128   /* bytes: a cache line and the one that is fetched with it */
#define PAUSES 128 /* between two looks at the clock; some microseconds */
/* How long to spin for the next piece: longer than what lies between two stages or two tokens. */
#define WORK_NANOSECONDS 2000000
/* And at a barrier: longer than it takes to wake a CPU, so that at most half of the time is lost.
 */
#define BARRIER_NANOSECONDS 100000

static size_t count = 1;

/* What is written together lies together; each on lines of its own. Numbers go round: they are
 * compared by difference. */
static struct {
    uint32_t published; /* pieces of work; this is the latest */
    void (*work)(size_t worker, const void *context);
    const void *context;
} piece __attribute__((aligned(LINE)));

static struct {
    uint32_t arrivals; /* at barriers; a multiple of count where all have come */
} barrier __attribute__((aligned(LINE)));

static struct {
    uint32_t sleepers; /* workers that sleep, or are about to */
} rest __attribute__((aligned(LINE)));

/* How much is taken of the part of each worker: the sharing's number from 1 up in the upper bits,
 * things in the lower; 0 before the first sharing of a piece. A number beyond that of a sharing
 * means that all of it is taken, since nobody begins the next one before. */
#define TURN_SHIFT 24
static struct {
    uint32_t taken;
} __attribute__((aligned(LINE))) parts[WORKERS_MAX];

size_t workers_count(void) { return count; }

static bool reached(const uint32_t *number, uint32_t wanted) {
    return (int32_t)(__atomic_load_n(number, __ATOMIC_SEQ_CST) - wanted) >= 0;
}

/* A waiter counts itself a sleeper and then looks at the number again; who changes it does so and
 * then looks for sleepers: in whichever order these four come, one of the two sees the other. */
static void wake_sleepers(const uint32_t *number) {
    if (__atomic_load_n(&rest.sleepers, __ATOMIC_SEQ_CST))
        processors_wake(number);
}

static void sleep_until(const uint32_t *number, uint32_t wanted) {
    __atomic_add_fetch(&rest.sleepers, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        uint32_t seen = __atomic_load_n(number, __ATOMIC_SEQ_CST);
        if ((int32_t)(seen - wanted) >= 0)
            break;
        processors_sleep(number, seen);
    }
    __atomic_sub_fetch(&rest.sleepers, 1, __ATOMIC_SEQ_CST);
}

static void wait_until(const uint32_t *number, uint32_t wanted, uint64_t nanoseconds) {
    uint64_t start = 0;
    for (unsigned spins = 1; !reached(number, wanted); spins++) {
        processors_pause();
        if (spins % PAUSES)
            continue;
        uint64_t now = clock_nanoseconds();
        if (!start)
            start = now;
        if (now - start > nanoseconds)
            sleep_until(number, wanted);
    }
}

void workers_barrier(void) {
    if (count == 1)
        return;
    uint32_t own = __atomic_add_fetch(&barrier.arrivals, 1, __ATOMIC_SEQ_CST);
    uint32_t all = own + (uint32_t)count - 1 - (own - 1) % (uint32_t)count;
    if (own == all)
        wake_sleepers(&barrier.arrivals);
    else
        wait_until(&barrier.arrivals, all, BARRIER_NANOSECONDS);
}

struct workers_share workers_share(size_t worker, size_t turn, size_t things) {
    kernel_assert(turn < WORKERS_TURNS_MAX && things <= WORKERS_SHARED_MAX);
    return (struct workers_share){0, 0, things, worker, turn + 1, worker};
}

/* Takes some of what is left of the owner's part. */
static bool take_from(struct workers_share *share, size_t owner) {
    size_t begin = share->count * owner / count, end = share->count * (owner + 1) / count;
    uint32_t seen = __atomic_load_n(&parts[owner].taken, __ATOMIC_RELAXED), wanted;
    do {
        size_t turn = seen >> TURN_SHIFT;
        size_t taken = turn == share->turn ? seen & WORKERS_SHARED_MAX : 0;
        size_t left = end - begin - taken;
        if (turn > share->turn || left == 0)
            return false;
        share->first = begin + taken;
        share->end = share->first + (count == 1 ? left : (left + 1) / 2);
        wanted = (uint32_t)(share->turn << TURN_SHIFT | (share->end - begin));
    } while (!__atomic_compare_exchange_n(&parts[owner].taken, &seen, wanted, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

bool workers_take(struct workers_share *share) {
    while (!take_from(share, share->owner)) {
        size_t next = (share->owner + 1) % count;
        if (next == share->worker)
            return false;
        share->owner = next;
    }
    return true;
}

/* Between two pieces nobody comes to a barrier, so the number may skip to where it goes round, from
 * where multiples of count are counted anew; a worker that still waits for it only sees it grow. */
static void keep_multiples(void) {
    if (barrier.arrivals > UINT32_MAX / 4 * 3)
        __atomic_store_n(&barrier.arrivals, 0, __ATOMIC_SEQ_CST);
}

static void worker_loop(size_t worker) {
    for (uint32_t next = 1;; next++) {
        wait_until(&piece.published, next, WORK_NANOSECONDS);
        piece.work(worker, piece.context);
        workers_barrier();
    }
}

void workers_run(void (*work)(size_t worker, const void *context), const void *context) {
    for (size_t worker = 0; worker < count; worker++)
        __atomic_store_n(&parts[worker].taken, 0, __ATOMIC_RELAXED);
    if (count > 1) {
        keep_multiples();
        piece.work = work;
        piece.context = context;
        __atomic_add_fetch(&piece.published, 1, __ATOMIC_SEQ_CST);
        wake_sleepers(&piece.published);
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
