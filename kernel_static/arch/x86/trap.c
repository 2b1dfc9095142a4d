/* What happens at a trap: device interrupts go to irq_deliver, what other CPUs send wakes or stops
 * this one, everything else is reported on the console (vector, CPU, registers, backtrace) and ends
 * the run. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "layout.h"
#include "local_apic.h"
#include "other_processors.h"
#include "panic.h"
#include "stacks.h"
#include "symbols.h"
#include "trap_frame.h"

#define BACKTRACE_LINES 48

/* Intel SDM volume 3, table 6-1. */
static const char *const names[32] = {
    "divide error",
    "debug",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack-segment fault",
    "general protection",
    "page fault",
    "reserved",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization error",
    "control protection",
    [28] = "hypervisor injection",
    [29] = "VMM communication",
    [30] = "security error",
};

__attribute__((format(printf, 1, 2))) static void print(const char *format, ...) {
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0)
        console_write(line, strlen(line));
}

static void print_address(uintptr_t address) {
    uintptr_t offset;
    const char *name = symbol_find(address, &offset);
    if (name)
        print("  %0*zx %s+0x%zx\n", (int)sizeof address * 2, (size_t)address, name, (size_t)offset);
    else
        print("  %0*zx ?\n", (int)sizeof address * 2, (size_t)address);
}

static bool on_stack(uintptr_t address, const struct stack *stack) {
    return address >= stack->bottom && address + 2 * sizeof address <= stack->top;
}

static bool on_a_stack(uintptr_t address) {
    const struct stacks *own = stacks_of(arch_processor());
    return address % sizeof address == 0 &&
           (on_stack(address, &own->main) || on_stack(address, &own->fault));
}

/* Follows saved frame pointers, which the whole kernel is compiled to keep (kernels excepted),
 * only while they lie on a stack and climb. A function that calls itself from one place is shown
 * once. */
static void print_backtrace(const struct trap_frame *frame) {
    print("backtrace, innermost first:\n");
    print_address(frame->ip);
    uintptr_t pointer = frame->bp, previous = 0;
    unsigned repeated = 0;
    for (int lines = 0; lines < BACKTRACE_LINES && on_a_stack(pointer);) {
        const uintptr_t *saved = (const uintptr_t *)pointer;
        if (saved[1] == previous) {
            repeated++;
        } else {
            if (repeated)
                print("  ... %u times more\n", repeated);
            repeated = 0;
            if (saved[1] == 0)
                return;
            print_address(saved[1] - 1); /* the call, not what follows it */
            lines++;
        }
        previous = saved[1];
        if (saved[0] <= pointer)
            return;
        pointer = saved[0];
    }
}

static bool inside(uintptr_t address, const char *start, const char *end) {
    return address >= (uintptr_t)start && address < (uintptr_t)end;
}

static bool in_guard(uintptr_t address, const struct stack *stack) {
    return address >= stack->guard && address < stack->bottom;
}

static void print_fault_address(const struct trap_frame *frame) {
    uintptr_t address = trap_fault_address();
    if (frame->vector == TRAP_PAGE_FAULT)
        print("%s of address %#zx: %s\n",
              frame->error & 16  ? "execution"
              : frame->error & 2 ? "write"
                                 : "read",
              (size_t)address, frame->error & 1 ? "not allowed there" : "nothing is mapped there");
    const struct stacks *own = stacks_of(arch_processor());
    if (in_guard(address, &own->main) || in_guard(address, &own->fault))
        print("stack overflow: %#zx is in the guard page under the stack\n", (size_t)address);
    else if (frame->vector == TRAP_PAGE_FAULT && address < 4096)
        print("null pointer: the first page is never mapped\n");
    else if (frame->vector == TRAP_PAGE_FAULT &&
             inside(address, layout_image_start, layout_text_end))
        print("the kernel's code is read-only\n");
}

_Noreturn void trap_report(const struct trap_frame *frame) {
    static unsigned reporter; /* the CPU that reports, plus 1 */
    unsigned processor = arch_processor(), nobody = 0;
    if (!__atomic_compare_exchange_n(&reporter, &nobody, processor + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        if (nobody != processor + 1)
            processors_stop();
        print("\n*** a second fault (vector %zu at %#zx) while the first was reported\n",
              (size_t)frame->vector, (size_t)frame->ip);
        platform_exit(PANIC_EXIT_CODE);
    }
    processors_stop_others();
    if (frame->vector == TRAP_PANIC) {
        print("\n*** panic: %s\n", panic_text());
    } else {
        const char *name = frame->vector < 32 ? names[frame->vector] : NULL;
        print("\n*** exception %zu, %s, error code %#zx\n", (size_t)frame->vector,
              name ? name : "unknown", (size_t)frame->error);
        if (frame->vector == TRAP_PAGE_FAULT || frame->vector == TRAP_DOUBLE_FAULT)
            print_fault_address(frame);
    }
    print("on CPU %u\n", processor);
    for (size_t i = 0; i < trap_register_count; i++) {
        uintptr_t value = *(const uintptr_t *)((const char *)frame + trap_registers[i].offset);
        bool last = i % 4 == 3 || i + 1 == trap_register_count;
        print("%s %0*zx%s", trap_registers[i].name, (int)sizeof value * 2, (size_t)value,
              last ? "\n" : "  ");
    }
    print_backtrace(frame);
    platform_exit(PANIC_EXIT_CODE);
}

void trap_handle(struct trap_frame *frame) {
    if (frame->vector >= TRAP_IRQ_FIRST && frame->vector < TRAP_IRQ_FIRST + 16)
        irq_deliver((unsigned)frame->vector - TRAP_IRQ_FIRST);
    else if (frame->vector == TRAP_WAKE)
        local_apic_end();
    else if (frame->vector == TRAP_NON_MASKABLE && processors_stopping())
        processors_stop();
    else if (frame->vector != TRAP_SPURIOUS)
        trap_report(frame);
}
