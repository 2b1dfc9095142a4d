/* How workers share out the phases of a stage, and the calls of kernels that they make. */
#include "phases.h"

#include <string.h>

#include "attention.h"
#include "panic.h"
#include "stage_rows.h"
#include "workers.h"

/* A worker's part of what a phase does: `count` things from `first`, of those up to `end`. */
struct part {
    size_t first, count, end;
};

#define ROWS_APART 192   /* enough for a worker to make panels of all weights for its own rows */
#define ROWS_TOGETHER 16 /* few enough to stay in the nearest cache from one kernel to the next */

static struct part part_of(size_t count, size_t worker) {
    size_t first = count * worker / workers_count(), end = count * (worker + 1) / workers_count();
    return (struct part){first, end - first, end};
}

/* The worker's rows, ROWS_TOGETHER at a time, until count is 0. */
static struct part rows_from(size_t first, size_t end) {
    size_t left = end - first;
    return (struct part){first, left < ROWS_TOGETHER ? left : ROWS_TOGETHER, end};
}

static struct part first_rows(size_t count, size_t worker) {
    struct part part = part_of(count, worker);
    return rows_from(part.first, part.end);
}

static struct part next_rows(struct part rows) {
    return rows_from(rows.first + rows.count, rows.end);
}

/* What a worker takes of the matrix products of a phase, whose matrices have so many pairs of tiles
 * in all. With few rows the workers share out pairs, each for all rows. With many, the part of each
 * has rows of its own, the same as in phases of rows, for all pairs: then what it reads is what it
 * wrote, unless it takes from another's. */
struct products {
    struct part rows;
    size_t first, end; /* of the pairs */
    size_t count, pairs;
    bool by_rows;
    struct workers_share share;
};

static struct products products_of(size_t count, size_t worker, size_t turn, size_t pairs) {
    bool by_rows = count >= ROWS_APART * workers_count();
    size_t things = by_rows ? pairs * workers_count() : pairs;
    return (struct products){.rows = {0, count, count},
                             .count = count,
                             .pairs = pairs,
                             .by_rows = by_rows,
                             .share = workers_share(worker, turn, things)};
}

/* Takes some more; false if there is nothing. */
static bool products_take(struct products *products) {
    if (products->count == 0 || !workers_take(&products->share))
        return false;
    size_t before = 0;
    if (products->by_rows) {
        products->rows = part_of(products->count, products->share.owner);
        before = products->share.owner * products->pairs;
    }
    products->first = products->share.first - before;
    products->end = products->share.end - before;
    return true;
}

/* Workers take the tiles of a phase's matrices in pairs, as kernels like them. */
static size_t pairs_of(const struct operation *operation) { return (operation->tiles + 1) / 2; }

/* What is taken of a matrix of `count` tiles, whose pairs begin with `begin`. */
static struct part tiles_of(const struct products *pairs, size_t begin, size_t count) {
    size_t first = pairs->first > begin ? 2 * (pairs->first - begin) : 0;
    size_t end = pairs->end > begin ? 2 * (pairs->end - begin) : 0;
    if (end > count)
        end = count;
    return (struct part){first, first < end ? end - first : 0, end};
}

static const void *weights_of(const struct stage_work *work, const struct operation *operation,
                              size_t which) {
    return (operation->elsewhere ? work->section : work->weights) + operation->weights[which];
}

static void run_on_rows(const struct stage_work *work, const struct operation *operation,
                        const struct kernel *kernels, struct part part) {
    const struct kernel *kernel = &kernels[operation->kernel];
    const struct step *step = work->step;
    size_t first = part.first, count = part.count;
    size_t bytes = step->model->pass->buffers[operation->y].row_bytes;
    switch (operation->kind) {
    case OPERATION_EMBED:
        for (size_t r = first; r < first + count; r++)
            kernel->embed(1, &step->rows[r].token, weights_of(work, operation, 0),
                          row_of(work, operation->y, r));
        break;
    case OPERATION_COPY:
        memcpy(row_of(work, operation->y, first), row_of(work, operation->x, first), count * bytes);
        break;
    case OPERATION_ASKED:
        for (size_t i = first; i < first + count; i++)
            memcpy(row_of(work, operation->y, i), row_of(work, operation->x, step->asked[i]),
                   bytes);
        break;
    case OPERATION_NORM:
        kernel->norm(count * operation->parts, row_of(work, operation->x, first),
                     weights_of(work, operation, 0), operation->number,
                     row_of(work, operation->y, first));
        break;
    case OPERATION_NORM_QUANTIZE:
        kernel->norm_quantize(count, row_of(work, operation->x, first),
                              weights_of(work, operation, 0), operation->number,
                              row_of(work, operation->q, first));
        break;
    case OPERATION_QUANTIZE:
        kernel->quantize(count, row_of(work, operation->x, first),
                         row_of(work, operation->q, first));
        break;
    case OPERATION_SCALE:
        kernel->scale(count, row_of(work, operation->x, first), operation->number,
                      row_of(work, operation->y, first));
        break;
    case OPERATION_ADD:
        kernel->add(count, row_of(work, operation->x, first), row_of(work, operation->y, first));
        break;
    case OPERATION_BIAS:
        kernel->bias(count, weights_of(work, operation, 0), row_of(work, operation->y, first));
        break;
    case OPERATION_GATE:
        kernel->gate(count, row_of(work, operation->x, first), row_of(work, operation->up, first),
                     row_of(work, operation->y, first));
        break;
    default:
        panic("operation %u does not work on rows", (unsigned)operation->kind);
    }
}

static void share_rows(const struct stage_work *work, const struct phase *phase,
                       const struct kernel *kernels, size_t count, size_t worker) {
    for (struct part part = first_rows(count, worker); part.count != 0; part = next_rows(part))
        for (size_t i = 0; i < phase->operation_count; i++)
            run_on_rows(work, &phase->operations[i], kernels, part);
}

static void multiply(const struct stage_work *work, const struct operation *operation,
                     const struct kernel *kernel, struct part rows, struct part tiles) {
    const void *q = row_of(work, operation->q, rows.first);
    float *y = result_of(work, operation, kernel, rows.first);
    if (operation->kind == OPERATION_GATED)
        kernel->gated(rows.count, tiles.first, tiles.end, q, weights_of(work, operation, 0),
                      weights_of(work, operation, 1), y);
    else
        kernel->matmul(rows.count, tiles.first, tiles.end, q, weights_of(work, operation, 0), y);
}

static void share_tiles(const struct stage_work *work, const struct phase *phase,
                        const struct kernel *kernels, size_t count, size_t worker) {
    size_t pairs = 0, turn = (size_t)(phase - work->stage->phases);
    for (size_t i = 0; i < phase->operation_count; i++)
        pairs += pairs_of(&phase->operations[i]);
    struct products products = products_of(count, worker, turn, pairs);
    while (products_take(&products)) {
        size_t begin = 0;
        for (size_t i = 0; i < phase->operation_count; i++) {
            const struct operation *operation = &phase->operations[i];
            struct part tiles = tiles_of(&products, begin, operation->tiles);
            if (tiles.count != 0)
                multiply(work, operation, &kernels[operation->kernel], products.rows, tiles);
            begin += pairs_of(operation);
        }
    }
}

static void share_blocks(const struct stage_work *work, const struct phase *phase,
                         const struct kernel *kernels, size_t worker) {
    const struct step *step = work->step;
    for (size_t r = 0; r < step->row_count; r++) {
        if (step->storers[r] != worker)
            continue;
        for (size_t i = 0; i < phase->operation_count; i++) {
            const struct operation *operation = &phase->operations[i];
            const struct kernel *kernel = &kernels[operation->kernel];
            if (operation->kind == OPERATION_ROPE)
                kernel->rope(1, row_of(work, operation->cosines, r),
                             row_of(work, operation->sines, r), row_of(work, operation->x, r));
            else
                kernel->store(row_of(work, operation->k, r), row_of(work, operation->v, r),
                              work->cache + step_block(step, r) * step->model->block_bytes,
                              step->rows[r].position % step->model->block_tokens);
        }
    }
}

/* Once the last layer has stored keys and values, only rows that are wanted go on. */
static void drop_unwanted(const struct stage_work *work, const struct phase *phase, size_t worker) {
    struct step *step = work->step;
    if (worker == 0) {
        for (size_t i = 0; i < step->wanted_count; i++)
            for (const uint16_t *buffer = phase->carried; *buffer != 0; buffer++)
                memmove(row_of(work, *buffer, i), row_of(work, *buffer, step->wanted[i]),
                        step->model->pass->buffers[*buffer].row_bytes);
        step_keep_wanted(step);
    }
    workers_barrier();
}

void phases_run(const struct stage_work *work, size_t worker) {
    const struct step *step = work->step;
    for (size_t i = 0; i < work->stage->phase_count; i++) {
        const struct phase *phase = &work->stage->phases[i];
        const struct kernel *kernels = phase->asked ? step->asked_kernels : step->row_kernels;
        if (phase->unless != 0 && kernels[phase->unless].quantizes)
            continue;
        if (i != 0)
            workers_barrier();
        if (phase->carried != NULL && work->last && step->some_unwanted)
            drop_unwanted(work, phase, worker);
        size_t count = phase->asked ? step->asked_count : step->row_count;
        switch (phase->split) {
        case SPLIT_ROWS:
            share_rows(work, phase, kernels, count, worker);
            break;
        case SPLIT_TILES:
            share_tiles(work, phase, kernels, count, worker);
            break;
        case SPLIT_BLOCKS:
            share_blocks(work, phase, kernels, worker);
            break;
        case SPLIT_GROUPS:
            attention_share(work, phase, kernels, worker);
            break;
        }
    }
}
