/* The interval timer (Intel 8254): channel 2, which needs no interrupt, measures; channel 0 wakes
 * the machine. */
#pragma once

#include <stdint.h>

#define TIMER_HERTZ 1193182

/* Restarts the measuring channel. */
void timer_measure_start(void);

/* Ticks since timer_measure_start; right for 54 ms. */
unsigned timer_measure(void);

/* One interrupt on line 0, `nanoseconds` or 54 ms from now, whichever is sooner. */
void timer_arm(uint64_t nanoseconds);
