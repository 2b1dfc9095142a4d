/* Guesses of what an answer says next, without a second model: what followed the same few tokens
 * before in the sequence itself (prompt lookup decoding; Saxena, 2023). One step computes them
 * all; those that the model would have said are as many steps saved, and the others cost their
 * rows. So how many to guess is what acceptance so far, and the price of rows, make worth it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAFT_MOST 8 /* guesses of one sequence in one step */

/* How often a sequence's guesses were right, as a moving average in 1/65536. Begins at one half. */
struct drafting {
    uint32_t acceptance;
};

void drafting_start(struct drafting *drafting);

/* Of `count` guesses in a row so many were right, up to the first that was not. */
void drafting_learn(struct drafting *drafting, size_t count, size_t right);

/* How many guesses, of at most `most`, make the answers of a step that has `rows` rows without
 * them, `answers` of which yield a token, come fastest; 0 where none pays. */
size_t drafting_length(const struct drafting *drafting, size_t rows, size_t answers, size_t most);

/* Whether there are guesses at all; true until this says otherwise. */
void draft_allow(bool allowed);
bool draft_allowed(void);

/* Writes up to `most` guesses of what follows the tokens; returns how many. */
size_t draft_guess(const int32_t *tokens, size_t count, int32_t *guesses, size_t most);
