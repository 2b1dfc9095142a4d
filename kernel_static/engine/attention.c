/* How workers share out attention. What a row sees is cut into stretches at fixed positions; each,
 * by one group of heads, is a task that any worker may take. A row that sees one stretch only is
 * done with that. Else what comes of its stretches is joined in their order, as in arXiv:1805.02867
 * (section 3.1), by whom the last of them falls to: no barrier is needed. */
#include "attention.h"

#include "mathematics.h"
#include "stage_rows.h"
#include "step.h"
#include "workers.h"

#define STATE 2  /* of a head: the reference of its shares, and their sum */
#define LANES 16 /* that the width of a head is a multiple of */

/* The attention of one run. */
struct attention {
    const struct stage_work *work;
    const struct operation *operation;
    const struct kernel *kernels;
    struct step_run *run;
    size_t first, count; /* the stretches that it sees */
};

static struct attention attention_of(const struct stage_work *work,
                                     const struct operation *operation,
                                     const struct kernel *kernels, struct step_run *run) {
    size_t end = work->step->rows[run->first].position + 1, first = 0;
    if (operation->window != 0 && end > operation->window)
        first = (end - operation->window) / work->step->model->pass->attention_stretch;
    return (struct attention){work, operation, kernels, run, first, run->stretches - first};
}

/* Where the values of a row's head are that came of the run's nth stretch, and its state. */
static float *values_of(const struct attention *attention, size_t nth, size_t r, size_t head) {
    const struct operation *operation = attention->operation;
    size_t slot = attention->run->slot + nth * attention->run->count + r;
    float *values = row_of(attention->work, operation->stretches, 0);
    return values + (slot * operation->heads + head) * operation->width;
}

static float *state_of(const struct attention *attention, size_t nth, size_t r, size_t head) {
    size_t slot = attention->run->slot + nth * attention->run->count + r;
    float *states = row_of(attention->work, attention->operation->states, 0);
    return states + (slot * attention->operation->heads + head) * STATE;
}

static void attend(const struct attention *attention, size_t group, size_t stretch, float *state,
                   float *y) {
    const struct stage_work *work = attention->work;
    const struct operation *operation = attention->operation;
    const struct language_model *model = work->step->model;
    const struct step_run *run = attention->run;
    const struct forward_row *first = &work->step->rows[run->first];
    size_t from = stretch * model->pass->attention_stretch;
    attention->kernels[operation->kernel].attention(
        run->count, first->position, from, from + model->pass->attention_stretch, group, group + 1,
        row_of(work, operation->q, run->first), work->cache, model->block_bytes, first->blocks,
        state, y);
}

/* x to y, both relative to references of their own. */
static void join_head(size_t width, float *restrict y, float *state, const float *restrict x,
                      const float *x_state) {
    bool raised = x_state[0] > state[0];
    float fade = math_exp(raised ? state[0] - x_state[0] : x_state[0] - state[0]);
    float mine = raised ? fade : 1, other = raised ? 1 : fade;
    for (size_t i = 0; i < width; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            y[i + lane] = y[i + lane] * mine + x[i + lane] * other;
    state[0] = raised ? x_state[0] : state[0];
    state[1] = state[1] * mine + x_state[1] * other;
}

/* Of a group's heads, what came of the nth stretch to what came of the first. */
static void join(const struct attention *attention, size_t nth, size_t group) {
    size_t share = attention->operation->heads / attention->operation->groups;
    for (size_t r = 0; r < attention->run->count; r++)
        for (size_t head = group * share; head < (group + 1) * share; head++)
            join_head(attention->operation->width, values_of(attention, 0, r, head),
                      state_of(attention, 0, r, head), values_of(attention, nth, r, head),
                      state_of(attention, nth, r, head));
}

/* Of a group's heads the means: sums of values, by those of shares. */
static void divide(const struct attention *attention, size_t group) {
    const struct operation *operation = attention->operation;
    size_t share = operation->heads / operation->groups, width = operation->width;
    for (size_t r = 0; r < attention->run->count; r++) {
        float *y = row_of(attention->work, operation->y, attention->run->first + r);
        for (size_t head = group * share; head < (group + 1) * share; head++) {
            const float *values = values_of(attention, 0, r, head);
            float inverse = 1.0F / state_of(attention, 0, r, head)[1];
            for (size_t i = 0; i < width; i++)
                y[head * width + i] = values[i] * inverse;
        }
    }
}

/* Counts what was done; whether that was the last of so many, with which counting begins anew. */
static bool last_of(uint32_t *done, size_t all) {
    if (__atomic_add_fetch(done, 1, __ATOMIC_ACQ_REL) != all)
        return false;
    *done = 0;
    return true;
}

/* After the last stretch of a group. */
static void finish(const struct attention *attention, size_t group) {
    const struct operation *operation = attention->operation;
    struct step_run *run = attention->run;
    divide(attention, group);
    if (attention->kernels[operation->kernel].quantizes && last_of(&run->groups, operation->groups))
        attention->kernels[operation->quantizer].quantize(
            run->count, row_of(attention->work, operation->y, run->first),
            row_of(attention->work, operation->quantized, run->first));
}

/* One stretch, apart from the others. */
static void attend_apart(const struct attention *attention, size_t group, size_t stretch) {
    const struct step *step = attention->work->step;
    size_t run = (size_t)(attention->run - step->runs);
    size_t place = stretch - attention->first;
    attend(attention, group, stretch, state_of(attention, place, 0, 0),
           values_of(attention, place, 0, 0));
    uint32_t *done = &step->done[run * step->model->pass->attention_groups + group];
    if (!last_of(done, attention->count))
        return;
    for (size_t nth = 1; nth < attention->count; nth++)
        join(attention, nth, group);
    finish(attention, group);
}

/* All stretches, one after the other; all but the first in the second's slots. */
static void attend_together(const struct attention *attention, size_t group) {
    for (size_t nth = 0; nth < attention->count; nth++) {
        size_t place = nth > 0;
        attend(attention, group, attention->first + nth, state_of(attention, place, 0, 0),
               values_of(attention, place, 0, 0));
        if (nth > 0)
            join(attention, place, group);
    }
    finish(attention, group);
}

static void run_task(const struct attention *attention, size_t stretch, size_t group) {
    const struct step_run *run = attention->run;
    if (run->apart && stretch < attention->first)
        return; /* before the window */
    if (attention->count == 1) {
        const struct kernel *kernel = &attention->kernels[attention->operation->kernel];
        attend(attention, group, attention->first, NULL,
               result_of(attention->work, attention->operation, kernel, run->first));
    } else if (run->apart) {
        attend_apart(attention, group, stretch);
    } else {
        attend_together(attention, group);
    }
}

void attention_share(const struct stage_work *work, const struct phase *phase,
                     const struct kernel *kernels, size_t worker) {
    const struct operation *operation = phase->operations;
    const struct step *step = work->step;
    size_t turn = (size_t)(phase - work->stage->phases);
    struct workers_share tasks = workers_share(worker, turn, step->piece_count * operation->groups);
    while (workers_take(&tasks))
        for (size_t task = tasks.first; task < tasks.end; task++) {
            struct step_piece piece = step->pieces[task / operation->groups];
            struct attention attention =
                attention_of(work, operation, kernels, &step->runs[piece.run]);
            run_task(&attention, piece.stretch, task % operation->groups);
        }
}
