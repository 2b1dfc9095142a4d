/* The C library's contexts (getcontext(3), makecontext(3)). */
#include "side_stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

#include "appliance.h"

static ucontext_t main_stack, side_stack;
static bool aside;

void side_stack_begin(void (*work)(void)) {
    static _Alignas(16) char memory[MEMORY_STACK];
    getcontext(&side_stack);
    side_stack.uc_stack.ss_sp = memory;
    side_stack.uc_stack.ss_size = sizeof memory;
    side_stack.uc_link = NULL;
    makecontext(&side_stack, work, 0);
    side_stack_switch();
}

void side_stack_switch(void) {
    aside = !aside;
    if (aside)
        swapcontext(&main_stack, &side_stack);
    else
        swapcontext(&side_stack, &main_stack);
}
