/* Draws the next token from logits. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine.h"

/* The state of xoshiro256** (Blackman and Vigna, 2018). */
struct random_state {
    uint64_t word[4];
};

/* Any seed is good, equal seeds give equal streams. */
void random_seed(struct random_state *random, uint64_t seed);

/* Uniform in [0, 1), 24 bits. */
float random_uniform(struct random_state *random);

/* A candidate: token and logit, later its unnormalised probability. */
struct candidate {
    float value;
    int32_t token;
};

/* One token drawn from `count` logits as `sampling` says. `scratch` holds `count` candidates.
 * Ties go to the lower token id; a NaN is never chosen. -1 if the largest is no finite number. */
int32_t sampler_draw(const struct sampling *sampling, struct random_state *random,
                     const float *logits, size_t count, struct candidate *scratch);
