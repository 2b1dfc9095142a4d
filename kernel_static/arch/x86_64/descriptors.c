/* Segment descriptors, the task state that holds the fault stack, and the vector table
 * (Intel SDM volume 3: 3.4.5, 6.14, 7.7). */

#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "descriptors.h"
#include "segments.h"
#include "stacks.h"
#include "trap_frame.h"

/* Descriptors that never change, and two slots for each CPU's task state (a 16-byte descriptor).
 * entry.S loads this table before any C runs. */
uint64_t descriptor_table[SEGMENT_COUNT] = {
    [0] = 0,
    [SEGMENT_CODE / 8] = 0x00af9b000000ffff,
    [SEGMENT_DATA / 8] = 0x00cf93000000ffff,
};

struct task_state {
    uint32_t reserved0;
    uint64_t stacks[3];
    uint64_t reserved1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t port_map_offset;
} __attribute__((packed));

struct gate {
    uint16_t offset_low;
    uint16_t segment;
    uint8_t interrupt_stack; /* 0: stay on this stack; n: interrupt_stacks[n - 1] */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct task_state task_states[ARCH_PROCESSORS_MAX];
static struct gate gates[TRAP_VECTORS];
extern const uintptr_t trap_vectors[TRAP_VECTORS];

/* Faults that may come on a broken stack: non-maskable interrupt, double fault, machine check. */
static uint8_t stack_of(unsigned vector) {
    return vector == TRAP_NON_MASKABLE || vector == TRAP_DOUBLE_FAULT || vector == 18;
}

void descriptors_load(unsigned processor) {
    struct task_state *task = &task_states[processor];
    unsigned selector = SEGMENT_TASK + processor * SEGMENT_TASK_STEP;
    uintptr_t base = (uintptr_t)task;
    task->interrupt_stacks[0] = stacks_of(processor)->fault.top;
    task->port_map_offset = sizeof *task;
    descriptor_table[selector / 8] =
        (sizeof *task - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24 & 0xff) << 56;
    descriptor_table[selector / 8 + 1] = base >> 32;
    __asm__ volatile("ltr %w0" ::"r"(selector));
    struct table_register table = {.limit = sizeof gates - 1, .base = (uintptr_t)gates};
    __asm__ volatile("lidt %0" ::"m"(table));
}

void arch_start(void) {
    for (unsigned vector = 0; vector < TRAP_VECTORS; vector++) {
        uintptr_t offset = trap_vectors[vector];
        gates[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .segment = SEGMENT_CODE,
            .interrupt_stack = stack_of(vector),
            .type = 0x8e, /* present, 64-bit interrupt gate */
            .offset_middle = (uint16_t)(offset >> 16),
            .offset_high = (uint32_t)(offset >> 32),
        };
    }
    descriptors_load(0);
}

#define REGISTER(field, text) {text, offsetof(struct trap_frame, field)}

const struct trap_register trap_registers[] = {
    REGISTER(ax, "rax"),  REGISTER(bx, "rbx"),  REGISTER(cx, "rcx"),  REGISTER(dx, "rdx"),
    REGISTER(si, "rsi"),  REGISTER(di, "rdi"),  REGISTER(bp, "rbp"),  REGISTER(sp, "rsp"),
    REGISTER(r8, "r8 "),  REGISTER(r9, "r9 "),  REGISTER(r10, "r10"), REGISTER(r11, "r11"),
    REGISTER(r12, "r12"), REGISTER(r13, "r13"), REGISTER(r14, "r14"), REGISTER(r15, "r15"),
    REGISTER(ip, "rip"),  REGISTER(cs, "cs "),  REGISTER(ss, "ss "),  REGISTER(flags, "flags"),
};
const size_t trap_register_count = sizeof trap_registers / sizeof trap_registers[0];
