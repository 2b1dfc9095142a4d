#ifdef DEBUG

#include "fault.h"

#include <stdint.h>
#include <string.h>

#include "command_line.h"
#include "log.h"
#include "panic.h"
#include "platform.h"

static void divide(void) {
    volatile int seven = 7, zero = 0;
    log_info("fault", "7 / 0 = %d", seven / zero);
}

static void read_null(void) {
    const char *volatile nowhere = NULL;
    log_info("fault", "read %d from address 0", nowhere[8]);
}

static void write_text(void) {
    volatile uint8_t *code = (volatile uint8_t *)(uintptr_t)divide;
    *code = 0xcc;
    log_info("fault", "code was overwritten");
}

static void write_constant(void) {
    static const uint32_t constants[] = {1, 2, 3};
    *(volatile uint32_t *)(uintptr_t)constants = 4;
    log_info("fault", "a constant was overwritten");
}

static void write_module(void) {
    struct memory_span image;
    if (!platform_model_image(&image))
        return;
    *(volatile uint8_t *)image.start = 0;
    log_info("fault", "the model image was overwritten");
}

static void execute_data(void) {
    static volatile uint8_t data[] = {0xc3}; /* RET */
    ((void (*)(void))(uintptr_t)data)();
    log_info("fault", "data was executed");
}

static void execute_free_memory(void) {
    struct memory_span memory = platform_free_memory();
    volatile uint8_t *data = memory.start;
    *data = 0xc3;
    ((void (*)(void))(uintptr_t)data)();
    log_info("fault", "free memory was executed");
}

static unsigned overflow_stack(unsigned depth);
static unsigned (*volatile again)(unsigned depth) = overflow_stack; /* not for tail calls */

static unsigned overflow_stack(unsigned depth) {
    volatile uint8_t frame[256];
    frame[0] = (uint8_t)depth;
    return again(depth + 1) + frame[0];
}

static void stack(void) { log_info("fault", "%u calls fit", overflow_stack(0)); }

static void opcode(void) { __builtin_trap(); }

static void reason(void) { panic("asked for by fault=panic, %d", 42); }

/* Not a fault but a promise: platform_free_memory hands out zeros. */
static void dirty_memory(void) {
    struct memory_span memory = platform_free_memory();
    const uint64_t *words = memory.start;
    for (size_t i = 0; i < memory.size / sizeof *words; i++)
        if (words[i] != 0)
            panic("free memory holds %#llx at %p of %p to %p", (unsigned long long)words[i],
                  (const void *)&words[i], memory.start,
                  (const void *)((const char *)memory.start + memory.size));
    log_info("fault", "%zu KiB of free memory are zero", memory.size / 1024);
    platform_exit(7);
}

/* Nor this: sleeping ends when the clock says so, and the clock keeps the pace of the host's. */
static void sleep_a_second(void) {
    uint64_t start = clock_nanoseconds(), end = start + 1000000000, wakes = 0;
    log_info("fault", "asleep at %llu", (unsigned long long)clock_unix_seconds());
    for (; clock_nanoseconds() < end; wakes++)
        platform_idle(end);
    log_info("fault", "awake after %llu ms, %llu interrupts",
             (unsigned long long)(clock_nanoseconds() - start) / 1000000,
             (unsigned long long)wakes);
    uint8_t random[8];
    entropy_fill(random, sizeof random);
    log_info("fault", "random %02x%02x%02x%02x%02x%02x%02x%02x", random[0], random[1], random[2],
             random[3], random[4], random[5], random[6], random[7]);
    platform_exit(7);
}

static void leave(void) { platform_exit(7); }

void fault_provoke(void) {
    static const struct {
        const char *name;
        void (*provoke)(void);
    } faults[] = {
        {"divide", divide},
        {"null", read_null},
        {"write-text", write_text},
        {"write-constant", write_constant},
        {"write-module", write_module},
        {"exec-data", execute_data},
        {"exec-free", execute_free_memory},
        {"stack", stack},
        {"opcode", opcode},
        {"panic", reason},
        {"dirty-memory", dirty_memory},
        {"sleep", sleep_a_second},
        {"exit", leave},
    };
    struct text wanted = command_line_value("fault");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (wanted.count == strlen(faults[i].name) &&
            memcmp(wanted.bytes, faults[i].name, wanted.count) == 0)
            faults[i].provoke();
}

#endif
