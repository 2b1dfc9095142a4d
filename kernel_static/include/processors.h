/* The CPUs beside the one that boots. Implemented twice, in platform/pc and platform/linux. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How many CPUs there are to run on, the caller's included; at least 1. */
size_t processors_available(void);

/* Starts up to `most` more CPUs. Each calls run(index), which never returns, on a stack of its own
 * with a guard page; indices are 1, 2, ... without gaps. Returns how many run, which is fewer
 * than asked for when there are fewer, or when some do not answer (logged). Called once. A fault
 * or a panic on any of them ends the run as on the first. */
size_t processors_start(size_t most, void (*run)(size_t index));

/* Sleeps while *word is `seen`, or less: the caller looks again. */
void processors_sleep(const uint32_t *word, uint32_t seen);

/* Wakes every CPU that sleeps on the word; called, on any CPU, after changing it. */
void processors_wake(const uint32_t *word);

/* For loops that wait for another CPU: tells this one so, for some cycles. */
static inline void processors_pause(void) { __builtin_ia32_pause(); }
