/* The step in progress: its rows, what is wanted of them, and how workers share them out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forward.h"
#include "kernels.h"
#include "model.h"

/* Rows that attend together: neighbours in one sequence, whose positions lie in one stretch. */
struct step_run {
    size_t first, count;
    size_t stretches; /* up to their own, which is the last */
    bool apart;       /* each is a piece; else all together are one */
    size_t slot;      /* where what comes of them lies: a row's slot is one of `step_slots` for each
                         row of a step; all have theirs if they are apart, else they share two */
    uint32_t groups;  /* that are done, in the attention under way */
};

/* What one worker attends to at a time: a stretch of a run, or all of them. */
struct step_piece {
    uint16_t run, stretch;
};

struct step {
    const struct language_model *model;
    struct forward_row *rows;
    size_t row_count;
    uint16_t *wanted; /* rows of which something is wanted, in order */
    size_t wanted_count;
    bool some_unwanted;
    uint16_t *asked; /* which of the wanted want logits */
    size_t asked_count;
    const struct kernel *row_kernels, *asked_kernels; /* for so many rows */
    struct step_run *runs;
    size_t run_count;
    struct step_piece *pieces;
    size_t piece_count;
    uint32_t *done;   /* of the attention under way: pieces, by run and group */
    uint8_t *storers; /* by row, the worker that stores its keys and values: each block of the cache
                         has one, to which its first row in this step belongs */
};

/* Reserves room for a model's steps; false when there is none. */
bool step_reserve(struct step *step, const struct language_model *model);

/* Takes the rows of a new step. */
void step_begin(struct step *step, const struct forward_row *rows, size_t count);

/* From here on, the step has only the rows that are wanted. */
void step_keep_wanted(struct step *step);

/* The number of the block that a row's keys and values go to. */
uint32_t step_block(const struct step *step, size_t row);
