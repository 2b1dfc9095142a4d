/* The side stack lies in the image's data, above a page that nothing maps once it is used. */
#include "side_stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appliance.h"
#include "arch.h"
#include "stack_switch.h"

#define PAGE 4096

static _Alignas(PAGE) uint8_t memory[PAGE + MEMORY_STACK];
static void *left[2]; /* where the main stack and the side stack were left */
static bool aside, guarded;

void side_stack_begin(void (*work)(void)) {
    if (!guarded)
        arch_unmap((uintptr_t)memory, (uintptr_t)memory + PAGE);
    guarded = true;
    left[1] = stack_frame(memory + sizeof memory, work);
    side_stack_switch();
}

void side_stack_switch(void) {
    bool from = aside;
    aside = !aside;
    stack_switch(&left[from], left[aside]);
}
