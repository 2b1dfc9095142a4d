/* The hosted image with another kernel_main: scores a text instead of serving. Linked with all of
 * the image's objects but main.c, so that kernels, workers and cache are those that serve.
 *
 * Reads whole numbers from stdin: rows of a step, positions of a window, count of tokens, tokens.
 * Each window starts anew. Prints `score X` for every token but a window's first, X the natural
 * logarithm of its probability after those before it in the window. */
#include <math.h>
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

static size_t read_number(void) {
    unsigned long value;
    if (scanf("%lu", &value) != 1)
        panic("score: a number is missing on stdin");
    return value;
}

static double log_probability(const float *logits, int32_t token) {
    double peak = logits[0], sum = 0;
    for (size_t i = 1; i < served_model->vocabulary; i++)
        peak = logits[i] > peak ? logits[i] : peak;
    for (size_t i = 0; i < served_model->vocabulary; i++)
        sum += exp(logits[i] - peak);
    return logits[token] - peak - log(sum);
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

/* A step gives few logits, so it runs again for each group of rows, which changes nothing. */
static void score_window(const int32_t *tokens, size_t count, size_t rows_max) {
    for (size_t first = 0; first < count; first += rows_max) {
        size_t rows = count - first < rows_max ? count - first : rows_max;
        for (size_t asked = 0; asked < rows; asked += served_model->step_logits) {
            if (platform_stop_requested())
                platform_exit(130);
            step(tokens, first, rows, asked);
            for (size_t i = asked; i < rows && i < asked + served_model->step_logits; i++)
                if (first + i + 1 < count)
                    printf("score %.9f\n",
                           log_probability(forward_logits(i), tokens[first + i + 1]));
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
        panic("score: the model does not start; the log above says why");

    size_t rows_max = read_number(), window = read_number(), count = read_number();
    int32_t *tokens = calloc(count, sizeof(*tokens));
    for (size_t i = 0; i < count; i++)
        tokens[i] = (int32_t)read_number();
    if (!rows_max || rows_max > served_model->step_rows || !window ||
        !block_table_start(&table, window) || !block_table_cover(&table, window))
        panic("score: %zu rows or %zu positions do not fit", rows_max, window);
    for (size_t start = 0; start < count; start += window)
        score_window(tokens + start, count - start < window ? count - start : window, rows_max);
    fflush(stdout);
    free(tokens);
    platform_exit(0);
}
