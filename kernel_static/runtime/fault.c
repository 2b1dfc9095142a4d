/* Faults on request, in debug images: `fault=NAME` on the command line. */
#ifdef DEBUG

#include "fault.h"

#include <stdint.h>
#include <string.h>

#include "command_line.h"
#include "log.h"
#include "panic.h"
#include "platform.h"
#include "workers.h"

static void divide(void) {
    volatile int seven = 7, zero = 0;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): it is asked for */
    log_info("fault", "7 / 0 = %d", seven / zero);
}

static void read_null(void) {
    const char *volatile nowhere = NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it is asked for */
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

/* What every worker adds to a row of numbers, and must find there after a barrier. */
#define ROUNDS 200
static uint32_t marks[WORKERS_MAX];

static void mark(size_t worker, const void *context) {
    const uint32_t *start = context;
    for (uint32_t round = *start; round < *start + ROUNDS; round++) {
        marks[worker] = round;
        workers_barrier();
        for (size_t other = 0; other < workers_count(); other++)
            if (marks[other] != round)
                panic("worker %zu sees %u of worker %zu in round %u", worker,
                      (unsigned)marks[other], other, (unsigned)round);
        workers_barrier();
    }
}

/* Workers meet, also after they slept; then the machine idles for a second. */
static void workers(void) {
    for (uint32_t start = 1; start < 10 * ROUNDS; start += ROUNDS) {
        workers_run(mark, &start);
        if (start / ROUNDS % 2)
            for (uint64_t end = clock_nanoseconds() + 20000000; clock_nanoseconds() < end;)
                platform_idle(end);
    }
    log_info("fault", "%zu workers met", workers_count());
    sleep_a_second();
}

static const struct fault {
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

static const struct fault *find(struct text name) {
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (text_is(name, faults[i].name))
            return &faults[i];
    return NULL;
}

void fault_provoke(void) {
    const struct fault *fault = find(command_line_value("fault"));
    if (fault)
        fault->provoke();
}

static void provoke_on_last(size_t worker, const void *context) {
    const struct fault *fault = context;
    if (worker + 1 == workers_count())
        fault->provoke();
}

void fault_provoke_on_workers(void) {
    static const struct text prefix = {"other-", 6};
    struct text wanted = command_line_value("fault");
    if (text_is(wanted, "workers"))
        workers();
    if (!text_starts_with(wanted, prefix))
        return;
    struct text name = {wanted.bytes + prefix.count, wanted.count - prefix.count};
    const struct fault *fault = find(name);
    if (fault)
        workers_run(provoke_on_last, fault);
}

#endif
