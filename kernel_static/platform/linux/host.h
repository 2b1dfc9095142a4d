/* What the parts of a hosted process need of each other. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* The value of a `key=value` argument, before the kernel reads its command line; the last one
 * counts; bytes null if there is none. Zero-terminated. */
struct text host_argument(const char *key);

/* Prints "cllm: ..." on stderr and exits with status 2: what the person at the shell got wrong. */
_Noreturn void host_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sleeps until a socket of the transport is ready, a signal came, or the time is `deadline`. */
void host_wait(uint64_t deadline);

/* From now on a fault of the processor (bad address, division by zero) on the calling thread ends
 * the run as a panic that names the CPU by this number, 0 for the main thread. */
void host_catch_faults(size_t number);

/* Asks the host for the tile registers (AMX), where the CPU has them; before any thread starts. */
void host_enable_vectors(void);
