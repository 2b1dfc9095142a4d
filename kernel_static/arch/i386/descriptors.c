/* Segment descriptors, the two tasks (the kernel's, and one that a double fault switches to) and
 * the vector table (Intel SDM volume 3: 3.4.5, 6.11, 7.2). */

#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "layout.h"
#include "segments.h"
#include "tasks.h"
#include "trap_frame.h"

#define VECTORS 49
#define GATE_TASK 0x85      /* present, task gate */
#define GATE_INTERRUPT 0x8e /* present, 32-bit interrupt gate */

/* entry.S loads this table before any C runs; arch_start fills in the tasks. */
uint64_t descriptor_table[] = {
    [0] = 0,
    [SEGMENT_CODE / 8] = 0x00cf9b000000ffff,
    [SEGMENT_DATA / 8] = 0x00cf93000000ffff,
    [SEGMENT_TASK / 8] = 0,
    [SEGMENT_FAULT_TASK / 8] = 0,
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

static struct task_state kernel_task, fault_task;
static struct gate gates[VECTORS];
extern const uintptr_t trap_vectors[VECTORS];
void double_fault_enter(void);
_Noreturn void trap_double_fault(void);

static uint64_t task_descriptor(const struct task_state *task) {
    uint64_t base = (uintptr_t)task;
    return (sizeof *task - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24) << 56;
}

void arch_start(void) {
    kernel_task.port_map_offset = sizeof kernel_task;
    fault_task = (struct task_state){
        .ip = (uintptr_t)double_fault_enter,
        .sp = (uintptr_t)layout_fault_stack_top,
        .flags = 2,
        .es = SEGMENT_DATA,
        .cs = SEGMENT_CODE,
        .ss = SEGMENT_DATA,
        .ds = SEGMENT_DATA,
        .fs = SEGMENT_DATA,
        .gs = SEGMENT_DATA,
        .port_map_offset = sizeof fault_task,
    };
    descriptor_table[SEGMENT_TASK / 8] = task_descriptor(&kernel_task);
    descriptor_table[SEGMENT_FAULT_TASK / 8] = task_descriptor(&fault_task);
    __asm__ volatile("ltr %w0" ::"r"(SEGMENT_TASK));

    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uintptr_t offset = trap_vectors[vector];
        gates[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .segment = SEGMENT_CODE,
            .type = GATE_INTERRUPT,
            .offset_high = (uint16_t)(offset >> 16),
        };
    }
    gates[TRAP_DOUBLE_FAULT] = (struct gate){.segment = SEGMENT_FAULT_TASK, .type = GATE_TASK};
    struct table_register table = {.limit = sizeof gates - 1, .base = (uintptr_t)gates};
    __asm__ volatile("lidt %0" ::"m"(table));
}

void tasks_set_page_tables(uint32_t cr3) {
    kernel_task.cr3 = cr3;
    fault_task.cr3 = cr3;
}

/* The processor saved the interrupted registers in the kernel's task. */
_Noreturn void trap_double_fault(void) {
    struct trap_frame frame = {
        .di = kernel_task.di,
        .si = kernel_task.si,
        .bp = kernel_task.bp,
        .sp = kernel_task.sp,
        .bx = kernel_task.bx,
        .dx = kernel_task.dx,
        .cx = kernel_task.cx,
        .ax = kernel_task.ax,
        .vector = TRAP_DOUBLE_FAULT,
        .ip = kernel_task.ip,
        .cs = kernel_task.cs,
        .flags = kernel_task.flags,
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
