/* Draws the next token from logits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "random.h"
#include "sampling.h"

/* A candidate: token and logit, later its weight relative to the likeliest. */
struct candidate {
    float value;
    int32_t token;
};

/* Bytes that drawing from `count` logits needs. */
size_t sampler_scratch(size_t count);

/* One token drawn from `count` logits, the values, as `sampling` says. `scratch` has
 * sampler_scratch(count) bytes, aligned as candidates are. Ties go to the lower token id; a NaN is
 * never chosen. -1 if the largest is no finite number. */
int32_t sampler_draw(const struct sampling *sampling, struct random_state *random,
                     const float *values, size_t count, void *scratch);
