/* The stack at a trap, lowest address first: pushed by vectors.S, then by the processor
 * (Intel SDM volume 3, 6.12.1; there is no privilege change, so no stack pointer is pushed and
 * the vectors supply the one from before the trap). */
#pragma once

#include <stdint.h>

struct trap_frame {
    uintptr_t di, si, bp, sp, bx, dx, cx, ax;
    uintptr_t vector, error;
    uintptr_t ip, cs, flags;
};
