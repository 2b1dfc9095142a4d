/* Passes over a whole row of logits, a vector at a time. A row is seen as chunks, whose peaks
 * tell later passes what they may skip. Values that are not numbers count as absent. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOGITS_CHUNK 64
#define LOGITS_NEGLIGIBLE 27.0f /* values so far below the top weigh nothing: e^-27 is 2e-12 */

struct logits {
    const float *values;
    size_t count, chunks;
    float *peaks; /* the largest value of each chunk */
    float top;    /* and of all; -inf if nothing is a number */
};

/* How many chunks a row of `count` values has. */
size_t logits_chunks(size_t count);

/* Surveys a row; `peaks` gets one value for each chunk. */
struct logits logits_survey(const float *values, size_t count, float *peaks);

/* The first place of the top, which must be a number. */
size_t logits_first(const struct logits *logits);

/* What each value of a chunk weighs: e^((value - top) * scale), so 1 at the top, and 0 if that is
 * negligible. Writes LOGITS_CHUNK weights, zeros behind the row's end. */
void logits_weights(const struct logits *logits, float scale, size_t chunk, float *weights);

/* Sums the weights of each chunk into `masses`, and of all into the result. */
float logits_masses(const struct logits *logits, float scale, float *masses);

/* The same weights of four values that need not be a row's. */
void logits_weigh(const float values[4], float top, float scale, float weights[4]);
