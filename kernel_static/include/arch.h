/* What platform/pc asks of the processor; implemented in arch/<target> and, where both targets
 * agree, in arch/x86. Called while booting unless stated otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/* Rights of a mapping; readable always, executable only the kernel's text. */
enum page_rights {
    PAGE_READ = 0,
    PAGE_WRITE = 1 << 0,
    PAGE_EXECUTE = 1 << 1,
    PAGE_DEVICE = 1 << 2
};

/* Loads descriptor tables and exception vectors. First call of the boot order: before it, an
 * exception resets the machine. */
void arch_start(void);

/* Turns on what vector instructions need beyond SSE, on this CPU: the register state of AVX,
 * AVX-512 and AMX where CPUID has it. Flushes nothing: denormals stay exact. */
void arch_enable_vectors(void);

/* Page tables, built up while the boot tables (or none) are in force. arch_map makes addresses
 * [start, end) reachable, identity mapped, with these rights, replacing earlier rights; it rounds
 * outward to 4,096-byte pages. Addresses that the target cannot reach are left out. arch_unmap
 * makes every access to the range a page fault. Panic when the pool of tables is exhausted. */
void arch_map(uint64_t start, uint64_t end, unsigned rights);
void arch_unmap(uint64_t start, uint64_t end);

/* Puts the tables in force. From here on only mapped addresses may be touched. */
void arch_paging_start(void);

/* Highest address that arch_map can reach, plus one. */
uint64_t arch_address_limit(void);

/* True when pages without PAGE_EXECUTE really cannot be executed (the CPU has NX). */
bool arch_no_execute(void);

/* The time stamp counter. Any time. */
uint64_t arch_timestamp(void);

/* 64 bits from RDRAND; false when the CPU has none or is out of them after ten tries. */
bool arch_random(uint64_t *value);

/* CPUs that can run at once. */
#define ARCH_PROCESSORS_MAX 16

/* Number of the CPU that asks, 0 for the first. Any time, also in an exception handler. */
unsigned arch_processor(void);

/* This CPU's identity to interrupt controllers: the id of its local APIC, where it has one. */
uint32_t arch_controller_id(void);

/* Bytes that the stacks of one more CPU take, guard pages included. */
size_t arch_processor_stacks(void);

/* Starts the CPU whose local APIC has this id as CPU `number`, in [1, ARCH_PROCESSORS_MAX), in the
 * same state as the first; it calls run(number), which must not return. `page` lies below 640 KiB
 * and is overwritten; `stacks` are arch_processor_stacks() bytes on a page boundary, kept by the
 * CPU. False if it did not answer in time; then it never will, and `stacks` are free. */
bool arch_start_processor(unsigned number, uint32_t id, void *page, void *stacks,
                          void (*run)(size_t number));

/* Ends arch_wait_for_interrupt on a CPU that was started, or its next one. Any time. */
void arch_wake_processor(unsigned number);

/* Makes this CPU's own interrupt controller, where it has one, pass on the requests of the
 * machine's: most firmware sets it so, QEMU's qboot does not. Device interrupts come to the first
 * CPU only. */
void arch_controller_start(void);

/* True when there is such a controller (a local APIC) and its registers could be reached. */
bool arch_has_controller(void);

/* Signature of the hypervisor underneath, "KVMKVMKVM" or "TCGTCGTCGTCG"; "" on bare metal. */
const char *arch_hypervisor(void);

/* The processor's own name, or "" when it has none. */
const char *arch_processor_name(void);

/* Lets interrupts in, sleeps until one was served, shuts them out again. Any time. */
void arch_wait_for_interrupt(void);

/* Stops for ever. Any time. */
_Noreturn void arch_halt(void);

/* Enters the exception report with the caller's registers, as vector TRAP_PANIC. Any time. */
#define TRAP_PANIC 48
_Noreturn void arch_raise_panic(void);

/* Supplied by platform/pc: called by the vectors, with interrupts off, for line 0 to 15. */
void irq_deliver(unsigned line);

/* Supplied by platform/pc: why panic was called on this CPU. */
const char *panic_text(void);
