/* What a draw tells of probabilities. */
#pragma once

#include "candidates.h"
#include "sampling.h"

/* What turns a candidate's value into the logarithm of its probability. */
struct likelihood_scale {
    float top, scale, log_mass;
};

struct likelihood_scale likelihood_scale(const struct candidates *candidates);
float likelihood(const struct likelihood_scale *scale, float value);

/* Writes the `most` likeliest of the candidates, likeliest first, and returns how many there are.
 * Nothing is to be drawn from the candidates afterwards. */
size_t likelihoods_rank(struct candidates *candidates, const struct likelihood_scale *scale,
                        size_t most, struct token_likelihood *top);

/* Fills up `top`, which has `count`, to `most` with the row's likeliest that are not in it: the
 * chain left these out. */
size_t likelihoods_fill(struct candidates *row, size_t count, size_t most,
                        struct token_likelihood *top);
