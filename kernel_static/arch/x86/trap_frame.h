/* What the vectors push, seen the same way from both targets: registers as a named table so that
 * the report needs no knowledge of the target. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "target_frame.h"

#define TRAP_NON_MASKABLE 2
#define TRAP_DOUBLE_FAULT 8
#define TRAP_PAGE_FAULT 14
#define TRAP_IRQ_FIRST 32
#define TRAP_WAKE 49     /* from another CPU: ends arch_wait_for_interrupt */
#define TRAP_SPURIOUS 63 /* the local APIC had nothing to say after all */
#define TRAP_VECTORS 64

struct trap_register {
    const char *name;
    size_t offset; /* into struct trap_frame, of a uintptr_t */
};

extern const struct trap_register trap_registers[];
extern const size_t trap_register_count;

/* CR2: the address whose access made the last page fault. */
uintptr_t trap_fault_address(void);

/* Called by the vectors with interrupts off; returns only for interrupts from devices and other
 * CPUs. */
void trap_handle(struct trap_frame *frame);

/* Prints the frame and a backtrace on the console and ends the run. */
_Noreturn void trap_report(const struct trap_frame *frame);
