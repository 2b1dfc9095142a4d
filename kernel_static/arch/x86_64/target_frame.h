/* The stack at a trap, lowest address first: pushed by vectors.S, then by the processor
 * (Intel SDM volume 3, 6.14.2). */
#pragma once

#include <stdint.h>

struct trap_frame {
    uintptr_t r15, r14, r13, r12, r11, r10, r9, r8;
    uintptr_t di, si, bp, bx, dx, cx, ax;
    uintptr_t vector, error;
    uintptr_t ip, cs, flags, sp, ss;
};
