/* The two stacks of every CPU, each above an unmapped guard page: one to run on, one for faults
 * that may come on a broken stack. */
#pragma once

#include <stdint.h>

struct stack {
    uintptr_t guard, bottom, top; /* the guard page is [guard, bottom), the stack [bottom, top) */
};

struct stacks {
    struct stack main, fault;
};

/* Of a CPU that runs or is about to; all zero for others. */
const struct stacks *stacks_of(unsigned processor);

/* Lays the stacks of a further CPU out in memory of arch_processor_stacks() bytes. */
void stacks_place(unsigned processor, void *memory);
