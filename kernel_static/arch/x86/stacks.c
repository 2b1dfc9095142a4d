/* Where each CPU's stacks lie: a guard page below each, which nothing maps. */
#include "stacks.h"

#include "arch.h"
#include "layout.h"

#define GUARD ((size_t)4096)

static struct stacks placed[ARCH_PROCESSORS_MAX]; /* but for the first CPU, whose image.ld places */

const struct stacks *stacks_of(unsigned processor) {
    static const struct stacks first = {
        {(uintptr_t)layout_main_guard, (uintptr_t)layout_main_stack,
         (uintptr_t)layout_main_stack_top},
        {(uintptr_t)layout_fault_guard, (uintptr_t)layout_fault_stack,
         (uintptr_t)layout_fault_stack_top},
    };
    return processor == 0 ? &first : &placed[processor];
}

static size_t size_of(const struct stack *stack) { return stack->top - stack->bottom; }

size_t arch_processor_stacks(void) {
    const struct stacks *first = stacks_of(0);
    return 2 * GUARD + size_of(&first->main) + size_of(&first->fault);
}

static struct stack place(uintptr_t at, const struct stack *like) {
    struct stack stack = {at, at + GUARD, at + GUARD + size_of(like)};
    arch_unmap(stack.guard, stack.bottom);
    return stack;
}

void stacks_place(unsigned processor, void *memory) {
    const struct stacks *first = stacks_of(0);
    struct stacks *stacks = &placed[processor];
    stacks->fault = place((uintptr_t)memory, &first->fault);
    stacks->main = place(stacks->fault.top, &first->main);
}
