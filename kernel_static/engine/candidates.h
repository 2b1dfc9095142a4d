/* The tokens that a draw still considers. They begin as a whole row of logits, which is read by
 * chunks and needs no list; the first filter makes a list of those that it leaves. Both answer the
 * same questions, so a rule of the chain is written once.
 *
 * A candidate's value is its logit. Its weight, e^((value - top) * scale), stands for its
 * probability, which is weight / mass. Candidates are ordered by value, ties by lower token id; a
 * NaN and -inf are never candidates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logits.h"

struct candidate {
    float value, weight;
    int32_t token;
};

struct candidates {
    bool whole;              /* all of the row, and no list */
    struct logits row;       /* its peaks and top hold while `whole` */
    struct candidate *items; /* the list, in no order */
    size_t count;            /* of the list */
    float top;               /* the largest value; not finite: there is nothing to draw */
    float scale;             /* of values; 1 / temperature */
    float *own, *masses;     /* scratch: a row to change, a mass for each chunk */
    uint32_t *marks;         /* scratch: one for each token of the row */
};

/* Bytes of scratch for rows of `count` logits; it must be aligned as pointers are. */
size_t candidates_scratch(size_t count);

/* All tokens of a row, which is only read. candidates_survey must follow. */
void candidates_start(struct candidates *candidates, const float *values, size_t count,
                      void *scratch);

/* A copy of the row to change in place, the same at each call, or null if there is a list already.
 * candidates_survey must follow the changes. */
float *candidates_own_row(struct candidates *candidates);

/* Finds top and weights, after values or the scale changed. */
void candidates_survey(struct candidates *candidates);

/* Multiplies the scale; values stay as they are. */
void candidates_set_scale(struct candidates *candidates, float scale);

/* Multiplies values by the scale, which is 1 afterwards. candidates_survey must follow. */
void candidates_settle(struct candidates *candidates);

/* How many there are, values that are no numbers included while the row is whole. */
size_t candidates_count(const struct candidates *candidates);

/* The sum of the weights; greater than 0 if the top is finite. */
float candidates_mass(const struct candidates *candidates);

/* The entropy of the probabilities, in nats. */
float candidates_entropy(const struct candidates *candidates, float mass);

/* Mean and deviation of the values. */
struct spread {
    float mean, deviation;
};
struct spread candidates_spread(const struct candidates *candidates);

/* The likeliest of all. */
struct candidate candidates_first(const struct candidates *candidates);

/* One of them by its weight; uniform is in [0, 1). */
struct candidate candidates_pick(const struct candidates *candidates, float uniform);

/* Makes a list of those whose value is at least `low`. */
void candidates_list(struct candidates *candidates, float low);

/* Keeps those whose value is at least `low`, and in any case the `least` likeliest. */
void candidates_keep_from(struct candidates *candidates, float low, size_t least);

/* Keeps the likeliest alone. */
void candidates_keep_first(struct candidates *candidates);

/* Keeps the `most` likeliest. */
void candidates_keep_likeliest(struct candidates *candidates, size_t most);

/* Keeps the fewest likeliest that have `part` of the mass, at least `least`. Those below `floor`
 * need not be kept. */
void candidates_keep_part(struct candidates *candidates, float part, size_t least, float floor);

/* Keeps the fewest nearest to `center`, by value, that have `part` of the mass; at least `least`.
 */
void candidates_keep_near(struct candidates *candidates, float center, float part, size_t least);

/* How many values are at least `low`, and the least likely of those in *last. */
size_t candidates_reaching(const struct candidates *candidates, float low, struct candidate *last);

/* Leaves out those that are likelier than `last`. */
void candidates_drop_above(struct candidates *candidates, struct candidate last);

/* Puts the `count` likeliest of a list first, in order; a whole row becomes a list of those alone.
 * Returns how many they are: fewer if the candidates are. */
size_t candidates_rank(struct candidates *candidates, size_t count);
