/* One piece of work on all CPUs at once. The caller is worker 0; the others spin for a while after
 * each piece and then sleep, so that neither a step's next stage waits for them nor an idle
 * appliance keeps CPUs busy. Implemented in runtime/workers.c over processors.h.
 *
 * Work that runs on workers must not log, allocate or touch a device; it may panic. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WORKERS_MAX 16

/* Starts workers on `wanted` CPUs, the caller's included; 0 asks for every CPU there is. Logs how
 * many run, which may be fewer. Called once, by main, after memory_start; before it, and in a
 * program that never calls it, there is one worker. */
void workers_start(size_t wanted);

/* How many there are, the caller included: 1 to WORKERS_MAX. */
size_t workers_count(void);

/* Calls work(worker, context) on every worker, each with its own number in [0, workers_count()),
 * and returns when all calls have. What the caller wrote before is seen by all, and what they
 * wrote is seen by the caller. Not to be called from inside work. */
void workers_run(void (*work)(size_t worker, const void *context), const void *context);

/* Inside work: returns when every worker has called it; what any of them wrote before is seen by
 * all afterwards. Every worker must come the same number of times. */
void workers_barrier(void);

/* How workers share out things while they work: each begins with a part of its own, of which it
 * takes half of what is left at a time, and who is done with that takes from the others' parts. So
 * a worker that is slowed down does less. */
struct workers_share {
    size_t first, end; /* what the worker took last: [first, end) */
    size_t count, worker, turn, owner;
};

#define WORKERS_SHARED_MAX 0xffffff /* things of one sharing */
#define WORKERS_TURNS_MAX 0xff      /* sharings of one piece of work */

/* Inside work: begins to share out so many things. `turn` numbers the sharings of this piece of
 * work from 0; every worker begins all of them in ascending order, and one only when workers_take
 * has said of the one before that nothing is left. Between two there need be no barrier. */
struct workers_share workers_share(size_t worker, size_t turn, size_t things);

/* Inside work: takes some more. False if nothing is left to take; others may still be at work. */
bool workers_take(struct workers_share *share);
