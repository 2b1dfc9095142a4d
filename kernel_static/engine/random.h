/* Random numbers that depend on a seed alone. */
#pragma once

#include <stdint.h>

/* The state of xoshiro256** (Blackman and Vigna, 2018). */
struct random_state {
    uint64_t word[4];
};

/* Any seed is good, equal seeds give equal streams. */
void random_seed(struct random_state *random, uint64_t seed);

/* Uniform in [0, 1), 24 bits. */
float random_uniform(struct random_state *random);
