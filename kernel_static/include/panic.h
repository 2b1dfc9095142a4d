/* Ends the run after printing why, the registers and a symbolised backtrace. */
#pragma once

#include "exit_port.h"

/* Formats as printf does; does not return. The runner sees a non-zero exit. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Panics, naming the condition and the place, when it is false. Has no side effects of its own. */
#define kernel_assert(condition)                                                                   \
    ((condition) ? (void)0 : panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition))
