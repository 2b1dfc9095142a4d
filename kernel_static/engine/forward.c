/* Runs steps of the served model's forward pass; contracts in include/forward.h. */
#include "forward.h"

#include "forward_pass.h"
#include "heap.h"
#include "kernel_choice.h"
#include "log.h"
#include "mathematics.h"
#include "model.h"
#include "model_image.h"
#include "panic.h"
#include "phases.h"
#include "platform.h"
#include "step.h"
#include "workers.h"

static struct kernel_choice choice;
static const uint8_t *weights;
static uint8_t *activations;
static uint8_t *kv_cache;
static size_t kv_blocks;
static struct step step; /* in progress */

/* The stage that comes next: one of `run`, behind `done` others of it; and where the weights, keys
 * and values of that stage begin. */
static struct {
    size_t run, done;
    size_t layer;
    size_t weights, cache;
} next;
static bool complete = true;

bool forward_start(void) {
    struct memory_span section = model_image_section("weights");
    if (section.size != served_model->weight_bytes) {
        log_error("forward", "weights of %zu bytes, expected %zu: pack the model again",
                  section.size, served_model->weight_bytes);
        return false;
    }
    weights = section.start;
    activations = memory_reserve(served_model->activation_bytes);
    if (activations == NULL || !step_reserve(&step, served_model)) {
        log_error("forward", "no room for %zu bytes of activations",
                  served_model->activation_bytes);
        return false;
    }
    return kernel_choice_make(&choice, served_model, weights, activations);
}

void forward_set_cache(void *memory, size_t blocks) {
    kv_cache = memory;
    kv_blocks = blocks;
}

void forward_begin(const struct forward_row *rows, size_t count) {
    step_begin(&step, rows, count);
    for (size_t r = 0; r < count; r++)
        kernel_assert(step_block(&step, r) < kv_blocks);
    step.row_kernels = kernel_choice_for(&choice, step.row_count);
    step.asked_kernels = kernel_choice_for(&choice, step.asked_count);
    next.run = next.done = next.layer = next.weights = next.cache = 0;
    complete = false;
}

/* The worker's rows of cosines and sines, which all layers share. */
static void turn(const struct rotation *rotation, size_t worker) {
    size_t first = step.row_count * worker / workers_count();
    size_t end = step.row_count * (worker + 1) / workers_count();
    const struct row_buffer *buffers = served_model->pass->buffers;
    float *cosines = (float *)(activations + buffers[rotation->cosines].offset);
    float *sines = (float *)(activations + buffers[rotation->sines].offset);
    for (size_t r = first; r < end; r++)
        for (size_t i = 0; i < rotation->pairs; i++)
            math_sin_cos(step.rows[r].position * rotation->frequencies[i],
                         &sines[r * rotation->pairs + i], &cosines[r * rotation->pairs + i]);
}

static void run_stage(size_t worker, const void *context) {
    const struct stage_work *work = context;
    const struct forward_pass *pass = served_model->pass;
    if (work->first)
        for (size_t i = 0; i < pass->rotation_count; i++)
            turn(&pass->rotations[i], worker);
    phases_run(work, worker);
}

bool forward_advance(void) {
    const struct forward_pass *pass = served_model->pass;
    const struct stage *stage = pass->stages[next.run].stage;
    kernel_assert(!complete);
    next.layer += stage->cache_bytes != 0;
    struct stage_work work = {
        .step = &step,
        .stage = stage,
        .section = weights,
        .weights = weights + next.weights,
        .activations = activations,
        .cache = kv_cache + next.cache,
        .first = next.run == 0 && next.done == 0,
        .last = stage->cache_bytes != 0 && next.layer == served_model->layers,
    };
    workers_run(run_stage, &work);
    next.weights += stage->weight_bytes;
    next.cache += stage->cache_bytes;
    if (++next.done == pass->stages[next.run].count) {
        next.done = 0;
        complete = ++next.run == pass->stage_run_count;
    }
    return complete;
}

/* Where a row came to lie that was wanted. */
static size_t place_of(size_t row) {
    kernel_assert(complete);
    for (size_t i = 0; i < step.wanted_count; i++)
        if (step.wanted[i] == row)
            return i;
    panic("row %zu was not wanted", row);
}

static const float *result(uint16_t buffer, size_t row) {
    const struct row_buffer *found = &served_model->pass->buffers[buffer];
    return (const float *)(activations + found->offset + row * found->row_bytes);
}

const float *forward_logits(size_t row) {
    size_t place = place_of(row), slot = 0;
    kernel_assert(step.rows[place].logits);
    while (step.asked[slot] != place)
        slot++;
    return result(served_model->pass->logits, slot);
}

const float *forward_hidden(size_t row) {
    size_t place = place_of(row);
    kernel_assert(step.rows[place].hidden);
    return result(served_model->pass->hidden, place);
}

const char *forward_instruction_set(void) { return choice.few->instruction_set->name; }
