/* From one stack to another; arch/<target>/stack_switch.S. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Keeps what the caller's ABI wants kept on this stack, writes where that is to *leave, and returns
 * to who called this when `enter` was written. */
void stack_switch(void **leave, void *enter);

/* Registers that lie on a stack that was left, below the address that it returns to. */
extern const size_t stack_switch_registers;

/* What `enter` is for a stack with this top on which nothing runs: enters `work`, with the stack
 * aligned as a call leaves it. */
static inline void *stack_frame(void *top, void (*work)(void)) {
    uintptr_t *at = top;
    *--at = 0; /* where work would return to */
    *--at = (uintptr_t)work;
    for (size_t i = 0; i < stack_switch_registers; i++)
        *--at = 0;
    return at;
}
