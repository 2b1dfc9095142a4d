/* How many rows a step may take, so that packets are not kept waiting: they move between the
 * stages of a step, and a stage takes longer the more rows there are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PACE_ROWS_LEAST 8                /* of a long prompt, while nothing is known */
#define PACE_STAGE_NANOSECONDS 50000000u /* what a stage may take, more rows than these given */

/* PACE_ROWS_LEAST times a power of two, at most the model's step_rows. */
size_t pace_rows(void);

/* Learns from a step of `rows` rows, `stages` of whose stages took so long together. */
void pace_learn(size_t rows, size_t stages, uint64_t nanoseconds);
