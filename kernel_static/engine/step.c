/* Which rows a step has: what is wanted of them, which attend together, who stores them. */
#include "step.h"

#include <string.h>

#include "forward_pass.h"
#include "heap.h"
#include "panic.h"
#include "workers.h"

#define TOGETHER_SLOTS 2 /* of a row whose stretches are joined one after the other */

bool step_reserve(struct step *step, const struct language_model *model) {
    size_t slots = model->step_rows * model->pass->step_slots;
    kernel_assert(model->pass->step_slots >= TOGETHER_SLOTS);
    size_t groups = model->step_rows * model->pass->attention_groups;
    *step = (struct step){
        .model = model,
        .rows = memory_reserve(model->step_rows * sizeof *step->rows),
        .wanted = memory_reserve(model->step_rows * sizeof *step->wanted),
        .asked = memory_reserve(model->step_logits * sizeof *step->asked),
        .runs = memory_reserve(model->step_rows * sizeof *step->runs),
        .pieces = memory_reserve((model->step_rows + slots) * sizeof *step->pieces),
        .done = memory_reserve(groups * sizeof *step->done),
        .storers = memory_reserve(model->step_rows * sizeof *step->storers),
    };
    if (step->done != NULL)
        memset(step->done, 0, groups * sizeof *step->done);
    return step->rows && step->wanted && step->asked && step->runs && step->pieces && step->done &&
           step->storers;
}

uint32_t step_block(const struct step *step, size_t row) {
    const struct forward_row *found = &step->rows[row];
    return found->blocks[found->position / step->model->block_tokens];
}

/* Cuts the rows where the sequence changes, a position is left out, a stretch begins or a run is
 * full. */
static void find_runs(struct step *step) {
    const struct forward_row *rows = step->rows;
    size_t most = step->model->pass->attention_rows;
    size_t stretch = step->model->pass->attention_stretch;
    step->run_count = 0;
    for (size_t r = 0; r < step->row_count; r++) {
        struct step_run *last = &step->runs[step->run_count - (step->run_count != 0)];
        if (step->run_count != 0 && last->count < most && rows[r].blocks == rows[r - 1].blocks &&
            rows[r].position == rows[r - 1].position + 1 && rows[r].position % stretch != 0)
            last->count++;
        else
            step->runs[step->run_count++] = (struct step_run){
                .first = r, .count = 1, .stretches = rows[r].position / stretch + 1};
    }
}

static size_t slots_of(const struct step_run *run, size_t stretches) {
    return run->stretches > 1 ? stretches * run->count : 0;
}

/* A run's stretches come apart if there are slots for all of them, beside those that the other runs
 * need in any case. Every piece has a slot, or a row that sees one stretch. */
static void find_pieces(struct step *step) {
    size_t spare = step->model->step_rows * step->model->pass->step_slots, slot = 0;
    for (size_t i = 0; i < step->run_count; i++)
        spare -= slots_of(&step->runs[i], TOGETHER_SLOTS);
    step->piece_count = 0;
    for (size_t i = 0; i < step->run_count; i++) {
        struct step_run *run = &step->runs[i];
        size_t least = slots_of(run, TOGETHER_SLOTS), all = slots_of(run, run->stretches);
        run->apart = all - least <= spare;
        spare -= run->apart ? all - least : 0;
        run->slot = slot;
        slot += run->apart ? all : least;
        for (size_t stretch = 0; stretch < (run->apart ? run->stretches : 1); stretch++)
            step->pieces[step->piece_count++] = (struct step_piece){(uint16_t)i, (uint16_t)stretch};
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
    find_pieces(step);
    find_storers(step);
}

void step_keep_wanted(struct step *step) {
    for (size_t i = 0; i < step->wanted_count; i++)
        step->rows[i] = step->rows[step->wanted[i]];
    step->row_count = step->wanted_count;
    find_runs(step);
    find_pieces(step);
}
