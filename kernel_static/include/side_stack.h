/* A second stack for the one thread of control: what stands there halfway can be left, and gone on
 * with later (lib/coroutine.c is who does). Implemented in platform/linux and arch/x86. */
#pragma once

/* Begins `work` at the top of the side stack, where nothing may be halfway; it must not return.
 * Comes back when that switches. Called on the main stack. */
void side_stack_begin(void (*work)(void));

/* Leaves this stack for the other, to where that one was left. */
void side_stack_switch(void);
