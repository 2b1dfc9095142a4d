/* CPUs of a PC: firmware names them, the processor's own interrupt controller starts them. */
#include "processors.h"

#include "acpi.h"
#include "arch.h"
#include "heap.h"
#include "log.h"
#include "machine.h"
#include "workers.h"

_Static_assert(ARCH_PROCESSORS_MAX >= WORKERS_MAX, "as many stacks and tasks as workers");

static uint32_t ids[ARCH_PROCESSORS_MAX]; /* of the other CPUs' controllers */
static size_t others, started;

size_t processors_available(void) {
    if (!arch_has_controller())
        return 1;
    uint32_t all[ARCH_PROCESSORS_MAX + 1], own = arch_controller_id();
    size_t count = acpi_processors(all, sizeof all / sizeof all[0]);
    others = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i] != own && others + 1 < ARCH_PROCESSORS_MAX)
            ids[others++] = all[i];
    return others + 1;
}

size_t processors_start(size_t most, void (*run)(size_t index)) {
    void *page = most > 0 && others > 0 ? memory_map_start_page() : NULL;
    void *stacks = NULL;
    if (most > 0 && others > 0 && !page)
        log_warn("smp", "no page below 640 KiB is free for other CPUs to start in");
    for (size_t i = 0; page && i < others && started < most; i++) {
        if (!stacks)
            stacks = memory_reserve(arch_processor_stacks());
        if (!stacks) {
            log_warn("smp", "no memory for the stacks of CPU %zu", started + 1);
            break;
        }
        if (arch_start_processor((unsigned)started + 1, ids[i], page, stacks, run)) {
            started++;
            stacks = NULL;
        } else {
            log_warn("smp", "the CPU with APIC id %u does not answer", (unsigned)ids[i]);
        }
    }
    return started;
}

/* Interrupts are off, so one that comes after the look ends the wait at once. */
void processors_sleep(const uint32_t *word, uint32_t seen) {
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen)
        arch_wait_for_interrupt();
}

void processors_wake(const uint32_t *word) {
    (void)word;
    unsigned own = arch_processor();
    for (unsigned number = 0; number <= started; number++)
        if (number != own)
            arch_wake_processor(number);
}
