/* Who owns which memory. Everything is identity mapped, and no page is both writable and
 * executable:
 *
 *     first page              not mapped, so that null pointers fault
 *     to 1 MiB                writable (firmware's tables, the screen, the start of other CPUs)
 *     image: text             executable
 *     image: read-only data   readable
 *     image: data, stacks     writable, but for a guard page under every stack
 *     module                  readable
 *     all other memory        writable
 *
 * Device registers are added by arch_map_device, the firmware's tables above memory by acpi_view,
 * guard pages under the stacks of other CPUs by arch_start_processor. Nothing else is mapped. */

#include <string.h>

#include "acpi.h"
#include "arch.h"
#include "layout.h"
#include "log.h"
#include "machine.h"

#define PAGE 4096ULL
#define MIB (1024ULL * 1024)
/* Where SeaBIOS and QEMU leave traces in memory that the loader calls free: firmware works just
 * below the last 16 MiB under 4 GiB, keeps tables at the very end, and QEMU puts the command line
 * behind the image. Each is measured with room to spare. */
#define FIRMWARE_WORK_START (17 * MIB) /* before the end of the span */
#define FIRMWARE_WORK_END (15 * MIB)
#define FIRMWARE_TABLES (1 * MIB)
#define LOADER_TRACES (64 * 1024ULL)
/* Of conventional memory, the last part may be the firmware's and the first is in use by it. */
#define CONVENTIONAL_START 0x8000
#define CONVENTIONAL_END 0xa0000
/* Interrupt controllers, and behind them the firmware itself: no tables. */
#define REGISTERS_START 0xfec00000
#define REGISTERS_END (1ULL << 32)

static uint64_t address_of(const char *place) { return (uintptr_t)place; }

static void unmap_guard(const char *guard) {
    arch_unmap(address_of(guard), address_of(guard) + PAGE);
}

void memory_map_start(void) {
    struct physical_span spans[MULTIBOOT_SPANS], module;
    size_t count = multiboot_memory(spans);
    for (size_t i = 0; i < count; i++)
        if (spans[i].start >= MIB)
            arch_map(spans[i].start, spans[i].end, PAGE_WRITE);
    arch_map(PAGE, MIB, PAGE_WRITE);
    arch_map(address_of(layout_image_start), address_of(layout_text_end), PAGE_EXECUTE);
    arch_map(address_of(layout_text_end), address_of(layout_rodata_end), PAGE_READ);
    unmap_guard(layout_main_guard);
    unmap_guard(layout_fault_guard);
    if (multiboot_module(&module))
        arch_map(module.start, module.end, PAGE_READ);
    arch_paging_start();
}

/* Never handed out by platform_free_memory, which begins at 1 MiB. */
void *memory_map_start_page(void) {
    struct physical_span spans[MULTIBOOT_SPANS];
    size_t count = multiboot_memory(spans);
    for (uint64_t page = CONVENTIONAL_START; page < CONVENTIONAL_END; page += PAGE)
        for (size_t i = 0; i < count; i++)
            if (spans[i].start <= page && page + PAGE <= spans[i].end)
                return (void *)(uintptr_t)page;
    return NULL;
}

static bool overlap(uint64_t start, uint64_t end, uint64_t other_start, uint64_t other_end) {
    return start < other_end && other_start < end;
}

/* Memory keeps the rights that it has; what lies above is mapped for reading. */
const void *acpi_view(uint64_t address, size_t size) {
    struct physical_span spans[MULTIBOOT_SPANS];
    size_t count = multiboot_memory(spans);
    uint64_t end = address + size;
    const void *view = (const void *)(uintptr_t)address;
    if (address < PAGE || end < address || end > arch_address_limit() ||
        overlap(address, end, address_of(layout_image_start), address_of(layout_image_end)) ||
        overlap(address, end, REGISTERS_START, REGISTERS_END))
        return NULL;
    if (end <= MIB)
        return view;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].start >= MIB && spans[i].start <= address && end <= spans[i].end)
            return view;
        if (overlap(address & ~(PAGE - 1), (end + PAGE - 1) & ~(PAGE - 1), spans[i].start,
                    spans[i].end))
            return NULL;
    }
    arch_map(address, end, PAGE_READ);
    return view;
}

/* What is left of span after cutting the image and the module out: the longer end each time. */
static struct physical_span without(struct physical_span span, uint64_t start, uint64_t end) {
    if (end <= span.start || start >= span.end)
        return span;
    struct physical_span below = {span.start, start > span.start ? start : span.start};
    struct physical_span above = {end < span.end ? end : span.end, span.end};
    return below.end - below.start > above.end - above.start ? below : above;
}

static void clear(uint64_t start, uint64_t end) {
    memset((void *)(uintptr_t)start, 0, (size_t)(end - start));
}

/* Clears the pages that are not zero already, and touches no others for writing. */
static void clear_traces(uint64_t start, uint64_t end) {
    for (uint64_t page = start; page < end; page += PAGE) {
        const uint64_t *words = (const uint64_t *)(uintptr_t)page;
        uint64_t found = 0;
        for (size_t i = 0; i < PAGE / sizeof *words; i += 8)
            found |= words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] |
                     words[i + 5] | words[i + 6] | words[i + 7];
        if (found)
            clear(page, page + PAGE);
    }
}

/* KVM's and TCG's machines begin with memory of zeros, in which only firmware and loader have
 * written; touching the rest would cost time and the host's memory. A real machine may have
 * anything anywhere. `fault=dirty-memory` is the test of this. */
static void make_zero(struct physical_span span) {
    const char *hypervisor = arch_hypervisor();
    bool fresh = !strcmp(hypervisor, "KVMKVMKVM") || !strcmp(hypervisor, "TCGTCGTCGTCG");
    if (fresh && span.end - span.start > LOADER_TRACES + FIRMWARE_WORK_START) {
        clear_traces(span.start, span.start + LOADER_TRACES);
        clear_traces(span.end - FIRMWARE_WORK_START, span.end - FIRMWARE_WORK_END);
        clear_traces(span.end - FIRMWARE_TABLES, span.end);
    } else {
        clear(span.start, span.end);
    }
}

static void log_machine(struct physical_span unused) {
    struct physical_span spans[MULTIBOOT_SPANS];
    size_t count = multiboot_memory(spans);
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += spans[i].end - spans[i].start;
    const char *hypervisor = arch_hypervisor();
    log_info("processor", "%s, %u MHz time stamp counter, %s%s", arch_processor_name(),
             clock_megahertz(), *hypervisor ? "under " : "no hypervisor", hypervisor);
    log_info("memory", "%u MiB, of which %u MiB are free", (unsigned)(all / MIB),
             (unsigned)((unused.end - unused.start) / MIB));
    if (!arch_no_execute())
        log_warn("memory", "this processor has no NX: data can be executed");
}

struct memory_span platform_free_memory(void) {
    struct physical_span spans[MULTIBOOT_SPANS], module, best = {0, 0};
    size_t count = multiboot_memory(spans);
    bool has_module = multiboot_module(&module);
    for (size_t i = 0; i < count; i++) {
        struct physical_span span = spans[i];
        if (span.start < MIB)
            continue;
        if (span.end > arch_address_limit())
            span.end = arch_address_limit();
        span = without(span, address_of(layout_image_start), address_of(layout_image_end));
        if (has_module)
            span = without(span, module.start, module.end);
        span.start = (span.start + PAGE - 1) & ~(PAGE - 1);
        span.end &= ~(PAGE - 1);
        if (span.end > span.start && span.end - span.start > best.end - best.start)
            best = span;
    }
    log_machine(best);
    make_zero(best);
    return (struct memory_span){(void *)(uintptr_t)best.start, best.end - best.start};
}

bool platform_model_image(struct memory_span *image) {
    struct physical_span module;
    if (!multiboot_module(&module))
        return false;
    *image = (struct memory_span){(void *)(uintptr_t)module.start, module.end - module.start};
    return true;
}
