/* The hosted image with another kernel_main: times steps of the forward pass instead of serving, so
 * that kernels, workers and barriers are those that serve.
 *
 * Reads from stdin: the first row's position, microseconds for each kind of step, then pairs of
 * numbers: rows of a step, and of how many sequences they are (rows beyond one of a sequence follow
 * each other). All rows want logits, or as many as may. Prints for each pair `step LAYERS HEAD`:
 * the nanoseconds that all stages but the last took, and the last, in the fastest of its steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "appliance.h"
#include "command_line.h"
#include "forward.h"
#include "heap.h"
#include "model.h"
#include "model_image.h"
#include "panic.h"
#include "platform.h"
#include "workers.h"

static struct forward_row *rows;
static uint32_t *tables;
static size_t position, table_entries;
static uint64_t budget;

static bool read_number(size_t *number) {
    unsigned long value;
    bool found = scanf("%lu", &value) == 1;
    *number = found ? value : 0;
    return found;
}

static void lay_out(size_t count, size_t sequences) {
    for (size_t r = 0; r < count; r++) {
        size_t sequence = r * sequences / count;
        size_t first = (sequence * count + sequences - 1) / sequences;
        rows[r] = (struct forward_row){
            .token = (int32_t)(r * 7919 % served_model->vocabulary),
            .position = (uint32_t)(position + r - first),
            .blocks = tables + sequence * table_entries,
            .logits = r < served_model->step_logits,
        };
    }
}

/* A step's time: of all stages but the last, and of the last. */
static void run(size_t count, uint64_t times[2]) {
    uint64_t start = clock_nanoseconds(), before = start;
    forward_begin(rows, count);
    while (!forward_advance())
        before = clock_nanoseconds();
    times[0] = before - start;
    times[1] = clock_nanoseconds() - before;
}

static void measure(size_t count) {
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX}, begun = clock_nanoseconds();
    for (size_t turn = 0; turn < 3 || clock_nanoseconds() - begun < budget; turn++) {
        uint64_t times[2];
        run(count, times);
        for (size_t i = 0; i < 2; i++)
            best[i] = times[i] < best[i] ? times[i] : best[i];
    }
    printf("step %llu %llu\n", (unsigned long long)best[0], (unsigned long long)best[1]);
}

/* Blocks for as many sequences as the memory holds, filled with f16 numbers near one. */
static size_t reserve_cache(void) {
    size_t most = memory_available() / served_model->block_bytes / table_entries;
    size_t sequences = most < served_model->step_rows ? most : served_model->step_rows;
    size_t blocks = sequences * table_entries;
    uint8_t *cache = memory_reserve(blocks * served_model->block_bytes);
    rows = calloc(served_model->step_rows, sizeof *rows);
    tables = calloc(blocks, sizeof *tables);
    if (!sequences || !cache || !rows || !tables)
        panic("steps: no memory for one sequence");
    memset(cache, 0x3c, blocks * served_model->block_bytes);
    for (size_t i = 0; i < blocks; i++)
        tables[i] = (uint32_t)i;
    forward_set_cache(cache, blocks);
    return sequences;
}

_Noreturn void kernel_main(void) {
    struct memory_span image;
    command_line_start(platform_command_line());
    memory_start(platform_free_memory(), MEMORY_HEAP);
    workers_start(command_line_number("cpus", 0, WORKERS_MAX, 0));
    if (!platform_model_image(&image) || !model_image_open(image) || !forward_start())
        panic("steps: the model does not start; the log above says why");
    size_t microseconds, count, sequences;
    if (!read_number(&position) || !read_number(&microseconds))
        panic("steps: a number is missing on stdin");
    budget = 1000u * (uint64_t)microseconds;
    table_entries = (position + served_model->step_rows) / served_model->block_tokens + 1;
    size_t most = reserve_cache();
    while (read_number(&count) && read_number(&sequences)) {
        if (!count || count > served_model->step_rows || !sequences || sequences > count ||
            sequences > most)
            panic("steps: %zu rows of %zu sequences do not fit", count, sequences);
        lay_out(count, sequences);
        measure(count);
    }
    fflush(stdout);
    platform_exit(0);
}
