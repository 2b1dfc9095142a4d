/* Which rows a step has: what is wanted of them, which attend together, who stores them. */
#include "step.h"

#include "forward_pass.h"
#include "heap.h"
#include "panic.h"
#include "workers.h"

bool step_reserve(struct step *step, const struct language_model *model) {
    *step = (struct step){
        .model = model,
        .rows = memory_reserve(model->step_rows * sizeof *step->rows),
        .wanted = memory_reserve(model->step_rows * sizeof *step->wanted),
        .asked = memory_reserve(model->step_logits * sizeof *step->asked),
        .runs = memory_reserve(model->step_rows * sizeof *step->runs),
        .storers = memory_reserve(model->step_rows * sizeof *step->storers),
    };
    return step->rows && step->wanted && step->asked && step->runs && step->storers;
}

uint32_t step_block(const struct step *step, size_t row) {
    const struct forward_row *found = &step->rows[row];
    return found->blocks[found->position / step->model->block_tokens];
}

/* Cuts the rows where the sequence changes, a position is left out or a run is full. */
static void find_runs(struct step *step) {
    const struct forward_row *rows = step->rows;
    size_t most = step->model->pass->attention_rows;
    step->run_count = 0;
    for (size_t r = 0; r < step->row_count; r++) {
        struct step_run *last = &step->runs[step->run_count - (step->run_count != 0)];
        if (step->run_count != 0 && last->count < most && rows[r].blocks == rows[r - 1].blocks &&
            rows[r].position == rows[r - 1].position + 1)
            last->count++;
        else
            step->runs[step->run_count++] = (struct step_run){r, 1};
    }
}

/* A sequence's rows are neighbours, and so are those of a block. */
static void find_storers(struct step *step) {
    uint8_t *storers = step->storers;
    for (size_t r = 0; r < step->row_count; r++)
        storers[r] = r > 0 && step_block(step, r) == step_block(step, r - 1)
                         ? storers[r - 1]
                         : (uint8_t)(((r + 1) * workers_count() - 1) / step->row_count);
}

void step_begin(struct step *step, const struct forward_row *rows, size_t count) {
    kernel_assert(count > 0 && count <= step->model->step_rows);
    step->row_count = count;
    step->wanted_count = step->asked_count = 0;
    for (size_t r = 0; r < count; r++) {
        kernel_assert(rows[r].token >= 0 && (size_t)rows[r].token < step->model->vocabulary);
        kernel_assert(rows[r].position < step->model->context);
        step->rows[r] = rows[r];
        if (rows[r].logits) {
            kernel_assert(step->asked_count < step->model->step_logits);
            step->asked[step->asked_count++] = (uint16_t)step->wanted_count;
        }
        if (rows[r].logits || rows[r].hidden)
            step->wanted[step->wanted_count++] = (uint16_t)r;
    }
    step->some_unwanted = step->wanted_count < count;
    find_runs(step);
    find_storers(step);
}

void step_keep_wanted(struct step *step) {
    for (size_t i = 0; i < step->wanted_count; i++)
        step->rows[i] = step->rows[step->wanted[i]];
    step->row_count = step->wanted_count;
    find_runs(step);
}
