/* Segment descriptors, two tasks for each CPU (the kernel's, and one that a double fault switches
 * to) and its vector table, which names the second task (Intel SDM volume 3: 3.4.5, 6.11, 7.2). */

#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "descriptors.h"
#include "segments.h"
#include "stacks.h"
#include "tasks.h"
#include "trap_frame.h"

#define GATE_TASK 0x85      /* present, task gate */
#define GATE_INTERRUPT 0x8e /* present, 32-bit interrupt gate */

/* entry.S loads this table before any C runs; descriptors_load fills in the tasks. */
uint64_t descriptor_table[SEGMENT_COUNT] = {
    [0] = 0,
    [SEGMENT_CODE / 8] = 0x00cf9b000000ffff,
    [SEGMENT_DATA / 8] = 0x00cf93000000ffff,
};

struct task_state {
    uint32_t previous;
    uint32_t stacks[6];
    uint32_t cr3, ip, flags;
    uint32_t ax, cx, dx, bx, sp, bp, si, di;
    uint32_t es, cs, ss, ds, fs, gs;
    uint32_t local_table;
    uint16_t trap, port_map_offset;
};

struct gate {
    uint16_t offset_low;
    uint16_t segment;
    uint8_t reserved;
    uint8_t type;
    uint16_t offset_high;
};

struct table_register {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

static struct task_state kernel_tasks[ARCH_PROCESSORS_MAX], fault_tasks[ARCH_PROCESSORS_MAX];
static struct gate gates[ARCH_PROCESSORS_MAX][TRAP_VECTORS];
extern const uintptr_t trap_vectors[TRAP_VECTORS];
void double_fault_enter(void);
_Noreturn void trap_double_fault(void);

static uint64_t task_descriptor(const struct task_state *task) {
    uint64_t base = (uintptr_t)task;
    return (sizeof *task - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24) << 56;
}

static void make_gates(struct gate *own, unsigned fault_selector) {
    for (unsigned vector = 0; vector < TRAP_VECTORS; vector++) {
        uintptr_t offset = trap_vectors[vector];
        own[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .segment = SEGMENT_CODE,
            .type = GATE_INTERRUPT,
            .offset_high = (uint16_t)(offset >> 16),
        };
    }
    own[TRAP_DOUBLE_FAULT] = (struct gate){.segment = (uint16_t)fault_selector, .type = GATE_TASK};
}

void descriptors_load(unsigned processor) {
    struct task_state *kernel_task = &kernel_tasks[processor], *fault = &fault_tasks[processor];
    struct gate *own = gates[processor];
    unsigned selector = SEGMENT_TASK + processor * SEGMENT_TASK_STEP;
    unsigned fault_selector = SEGMENT_FAULT_TASK + processor * SEGMENT_TASK_STEP;
    uint32_t cr3;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    kernel_task->port_map_offset = sizeof *kernel_task;
    *fault = (struct task_state){
        .ip = (uintptr_t)double_fault_enter,
        .sp = stacks_of(processor)->fault.top,
        .flags = 2,
        .es = SEGMENT_DATA,
        .cs = SEGMENT_CODE,
        .ss = SEGMENT_DATA,
        .ds = SEGMENT_DATA,
        .fs = SEGMENT_DATA,
        .gs = SEGMENT_DATA,
        .cr3 = cr3,
        .port_map_offset = sizeof *fault,
    };
    descriptor_table[selector / 8] = task_descriptor(kernel_task);
    descriptor_table[fault_selector / 8] = task_descriptor(fault);
    __asm__ volatile("ltr %w0" ::"r"(selector));
    make_gates(own, fault_selector);
    struct table_register table = {.limit = sizeof gates[0] - 1, .base = (uintptr_t)own};
    __asm__ volatile("lidt %0" ::"m"(table));
}

void arch_start(void) { descriptors_load(0); }

void tasks_set_page_tables(uint32_t cr3) {
    kernel_tasks[0].cr3 = cr3;
    fault_tasks[0].cr3 = cr3;
}

/* The processor saved the interrupted registers in the kernel's task. */
_Noreturn void trap_double_fault(void) {
    const struct task_state *interrupted = &kernel_tasks[arch_processor()];
    struct trap_frame frame = {
        .di = interrupted->di,
        .si = interrupted->si,
        .bp = interrupted->bp,
        .sp = interrupted->sp,
        .bx = interrupted->bx,
        .dx = interrupted->dx,
        .cx = interrupted->cx,
        .ax = interrupted->ax,
        .vector = TRAP_DOUBLE_FAULT,
        .ip = interrupted->ip,
        .cs = interrupted->cs,
        .flags = interrupted->flags,
    };
    trap_report(&frame);
}

#define REGISTER(field, text) {text, offsetof(struct trap_frame, field)}

const struct trap_register trap_registers[] = {
    REGISTER(ax, "eax"), REGISTER(bx, "ebx"), REGISTER(cx, "ecx"),      REGISTER(dx, "edx"),
    REGISTER(si, "esi"), REGISTER(di, "edi"), REGISTER(bp, "ebp"),      REGISTER(sp, "esp"),
    REGISTER(ip, "eip"), REGISTER(cs, "cs "), REGISTER(flags, "flags"),
};
const size_t trap_register_count = sizeof trap_registers / sizeof trap_registers[0];
