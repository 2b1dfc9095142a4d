/* How many rows a step may take, and what steps cost. Packets move between the stages of a step,
 * and a stage takes longer the more rows there are; and who waits for the next token of an answer
 * waits for the whole step. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PACE_ROWS_LEAST 8                /* of prompts, whatever they cost */
#define PACE_STAGE_NANOSECONDS 50000000u /* what a stage may take, more rows than these given */
#define PACE_STRETCH 5 /* a step with rows of prompts may take so many halves of one without */

/* Rows of prompts that a step may have beside `answers` rows of answers (0: there are none). */
size_t pace_rows(size_t answers);

/* Nanoseconds that a step of `rows` rows is reckoned to take; never 0. */
uint64_t pace_cost(size_t rows);

/* Learns from a step of `rows` rows, whose `stages` took so long together. */
void pace_learn(size_t rows, size_t stages, uint64_t nanoseconds);
