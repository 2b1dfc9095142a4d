/* How the CPUs that arch_start_processor brought up begin and end; only for arch/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Control registers of the CPU that starts another, and the stack that it gives it: 0 once it was
 * taken. The other loads them while it has 32 bits only: what CR3 refers to is in the image, below
 * 4 GiB. The stack may be anywhere. processor_entry.S knows the order and the sizes. */
struct processor_state {
    uint32_t control0, control3, control4;
    uint32_t efer; /* 0: the CPU has no such register */
    uintptr_t stack;
};

/* Notes this CPU's registers; leaves the stack alone. */
void processor_state_save(struct processor_state *state);

/* Halts all CPUs but this one, which must not go on with anything but its report. */
void processors_stop_others(void);

/* True on a CPU that should halt because another called processors_stop_others. */
bool processors_stopping(void);

/* Tells that this CPU has stopped, and stops. */
_Noreturn void processors_stop(void);
