/* The work, its slices, and the two stacks they go back and forth between. */
#include "coroutine.h"

#include <stdint.h>

#include "panic.h"
#include "platform.h"
#include "side_stack.h"

#define SLICE_NANOSECONDS 1000000u
#define LOOK_EVERY                                                                                 \
    16 /* calls: a look at the clock costs more than what most loops do in a turn                  \
        */

bool coroutine_inside;

static struct {
    void (*work)(void *context);
    void *context;
    bool busy;
    uint64_t due;    /* when the slice is over */
    unsigned looked; /* calls since the clock was looked at */
} coroutine;

bool coroutine_busy(void) { return coroutine.busy; }

static void run(void) {
    coroutine.work(coroutine.context);
    coroutine.busy = false;
    side_stack_switch();
    panic("a coroutine that is over was gone on with");
}

static void start_slice(void) {
    kernel_assert(!coroutine_inside);
    coroutine.due = clock_nanoseconds() + SLICE_NANOSECONDS;
    coroutine_inside = true;
}

void coroutine_begin(void (*work)(void *context), void *context) {
    kernel_assert(!coroutine.busy);
    coroutine.work = work;
    coroutine.context = context;
    coroutine.busy = true;
    start_slice();
    side_stack_begin(run);
    coroutine_inside = false;
}

void coroutine_go_on(void) {
    kernel_assert(coroutine.busy);
    start_slice();
    side_stack_switch();
    coroutine_inside = false;
}

void coroutine_stay(void) { coroutine_inside = false; }

void coroutine_leave_if_due(void) {
    if (++coroutine.looked % LOOK_EVERY == 0 && clock_nanoseconds() >= coroutine.due)
        side_stack_switch();
}
