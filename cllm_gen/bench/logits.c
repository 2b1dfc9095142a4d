/* The hosted image with another kernel_main: gives the logits of a text instead of serving. Linked
 * with all of the image's objects but main.c, so that kernels, workers and cache are those that
 * serve.
 *
 * Reads whole numbers from stdin: the descriptor to write to, rows of a step, positions of a
 * window, count of tokens, tokens. Each window starts anew. Writes the logits after every token but
 * a window's last, in their order, each row as many native floats as the vocabulary has tokens. */
#include <stdio.h>
#include <stdlib.h>

#include "appliance.h"
#include "command_line.h"
#include "forward.h"
#include "heap.h"
#include "kv_cache.h"
#include "model.h"
#include "model_image.h"
#include "panic.h"
#include "platform.h"
#include "workers.h"

static struct block_table table;
static FILE *output;

static size_t read_number(void) {
    unsigned long value;
    if (scanf("%lu", &value) != 1)
        panic("logits: a number is missing on stdin");
    return value;
}

/* One step over tokens [first, first + count), logits for [asked, asked + step_logits) of them. */
static void step(const int32_t *tokens, size_t first, size_t count, size_t asked) {
    static struct forward_row *rows;
    if (!rows)
        rows = calloc(served_model->step_rows, sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        rows[i] =
            (struct forward_row){.token = tokens[first + i],
                                 .position = (uint32_t)(first + i),
                                 .blocks = table.blocks,
                                 .logits = i >= asked && i - asked < served_model->step_logits};
    forward_begin(rows, count);
    while (!forward_advance())
        continue;
}

static void put(const float *logits) {
    if (fwrite(logits, sizeof(*logits), served_model->vocabulary, output) !=
        served_model->vocabulary)
        panic("logits: nobody reads them");
}

/* A step gives few logits, so it runs again for each group of rows, which changes nothing. */
static void put_window(const int32_t *tokens, size_t count, size_t rows_max) {
    for (size_t first = 0; first < count; first += rows_max) {
        size_t rows = count - first < rows_max ? count - first : rows_max;
        for (size_t asked = 0; asked < rows; asked += served_model->step_logits) {
            if (platform_stop_requested())
                platform_exit(130);
            step(tokens, first, rows, asked);
            for (size_t i = asked; i < rows && i < asked + served_model->step_logits; i++)
                if (first + i + 1 < count)
                    put(forward_logits(i));
        }
    }
}

_Noreturn void kernel_main(void) {
    struct memory_span image;
    command_line_start(platform_command_line());
    memory_start(platform_free_memory(), MEMORY_HEAP);
    workers_start(command_line_number("cpus", 0, WORKERS_MAX, 0));
    if (!platform_model_image(&image) || !model_image_open(image) || !forward_start() ||
        !kv_cache_start(memory_available()))
        panic("logits: the model does not start; the log above says why");

    output = fdopen((int)read_number(), "wb");
    size_t rows_max = read_number(), window = read_number(), count = read_number();
    int32_t *tokens = calloc(count, sizeof(*tokens));
    for (size_t i = 0; i < count; i++)
        tokens[i] = (int32_t)read_number();
    if (!output || !rows_max || rows_max > served_model->step_rows || !window ||
        !block_table_start(&table, window) || !block_table_cover(&table, window))
        panic("logits: %zu rows or %zu positions do not fit", rows_max, window);
    for (size_t start = 0; start < count; start += window)
        put_window(tokens + start, count - start < window ? count - start : window, rows_max);
    fclose(output);
    free(tokens);
    platform_exit(0);
}
