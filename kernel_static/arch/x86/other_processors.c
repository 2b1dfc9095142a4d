/* The other CPUs: started one after another (Intel SDM volume 3, 9.4.4), woken, stopped. */

#include "other_processors.h"

#include <string.h>

#include "arch.h"
#include "descriptors.h"
#include "local_apic.h"
#include "panic.h"
#include "platform.h"
#include "processor.h"
#include "segments.h"
#include "stacks.h"
#include "trap_frame.h"

#define MILLISECOND UINT64_C(1000000)
#define RESET_NANOSECONDS (10 * MILLISECOND)
#define FIRST_TRY_NANOSECONDS (MILLISECOND / 5)
#define ANSWER_NANOSECONDS (200 * MILLISECOND)
#define STOP_NANOSECONDS (20 * MILLISECOND)

extern const char start_page[], start_page_end[];

/* What a CPU loads before it can run C: read by processor_entry.S. */
struct processor_state processor_state;

static struct {
    unsigned number;
    void (*run)(size_t number);
    bool runs;
} starting;

static uint32_t ids[ARCH_PROCESSORS_MAX];
static unsigned count = 1; /* CPUs 0 to count - 1 run */
static bool stopping;
static unsigned stopped;

/* The selector of the task that each CPU runs tells them apart. */
unsigned arch_processor(void) {
    uint16_t task;
    __asm__("str %0" : "=r"(task));
    return task < SEGMENT_TASK ? 0 : (task - SEGMENT_TASK) / SEGMENT_TASK_STEP;
}

/* Called by processor_entry.S on the CPU's own stack. */
_Noreturn void processor_enter(void);

_Noreturn void processor_enter(void) {
    unsigned number = starting.number;
    void (*run)(size_t) = starting.run;
    descriptors_load(number);
    arch_enable_vectors();
    local_apic_enable();
    __atomic_store_n(&starting.runs, true, __ATOMIC_RELEASE);
    run(number);
    panic("CPU %u has nothing left to run", number);
}

static void wait(uint64_t nanoseconds, const bool *until) {
    uint64_t start = clock_nanoseconds();
    while (clock_nanoseconds() - start < nanoseconds && !__atomic_load_n(until, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

/* A CPU takes the stack before it runs any C, so it either took it in time or finds none and halts:
 * no two ever run on it. */
static bool withdraw_stack(void) {
    return __atomic_exchange_n(&processor_state.stack, 0, __ATOMIC_SEQ_CST) != 0;
}

bool arch_start_processor(unsigned number, uint32_t id, void *page, void *stacks,
                          void (*run)(size_t number)) {
    uint32_t start = LOCAL_APIC_START | (uint32_t)((uintptr_t)page / 4096);
    ids[0] = arch_controller_id();
    ids[number] = id;
    memcpy(page, start_page, (size_t)(start_page_end - start_page));
    stacks_place(number, stacks);
    processor_state_save(&processor_state);
    starting.number = number;
    starting.run = run;
    starting.runs = false;
    __atomic_store_n(&processor_state.stack, stacks_of(number)->main.top, __ATOMIC_SEQ_CST);

    local_apic_send(id, LOCAL_APIC_RESET);
    if (!*arch_hypervisor()) /* none keeps a CPU busy with its reset */
        wait(RESET_NANOSECONDS, &starting.runs);
    local_apic_send(id, start);
    wait(FIRST_TRY_NANOSECONDS, &starting.runs);
    if (!starting.runs)
        local_apic_send(id, start);
    wait(ANSWER_NANOSECONDS, &starting.runs);
    if (!starting.runs && withdraw_stack())
        return false;
    while (!__atomic_load_n(&starting.runs, __ATOMIC_ACQUIRE)) /* it has the stack: it comes */
        __builtin_ia32_pause();
    count = number + 1;
    return true;
}

void arch_wake_processor(unsigned number) {
    local_apic_send(ids[number], LOCAL_APIC_VECTOR | TRAP_WAKE);
}

void processors_stop_others(void) {
    uint64_t start = clock_nanoseconds();
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    for (unsigned number = 0; count > 1 && number < count; number++)
        if (number != arch_processor())
            local_apic_send(ids[number], LOCAL_APIC_STOP);
    while (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) + 1 < count &&
           clock_nanoseconds() - start < STOP_NANOSECONDS)
        __builtin_ia32_pause();
}

bool processors_stopping(void) { return __atomic_load_n(&stopping, __ATOMIC_SEQ_CST); }

_Noreturn void processors_stop(void) {
    __atomic_add_fetch(&stopped, 1, __ATOMIC_RELEASE);
    arch_halt();
}
