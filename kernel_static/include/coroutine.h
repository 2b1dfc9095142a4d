/* One long piece of work beside everything else, so that it holds nobody up: a megabyte to parse or
 * to cut into tokens. It runs on a stack of its own, a slice of about a millisecond at a time, as
 * long as what it calls gives way in its loops. */
#pragma once

#include <stdbool.h>

extern bool coroutine_inside; /* it is what runs now */

/* Whether there is one, halfway. */
bool coroutine_busy(void);

/* Begins work, and does its first slice. Not while there is one. */
void coroutine_begin(void (*work)(void *context), void *context);

/* Does the next slice of it. */
void coroutine_go_on(void);

/* It gives way no more, up to its end: what comes now must not be interrupted. Anywhere else than
 * in a coroutine it does nothing. */
void coroutine_stay(void);

void coroutine_leave_if_due(void);

/* In loops that may be long: lets others run if a slice is over. Anywhere else than in a coroutine
 * it costs a look at a variable. What others may change must not be relied on across it. */
static inline void coroutine_give_way(void) {
    if (coroutine_inside)
        coroutine_leave_if_due();
}
