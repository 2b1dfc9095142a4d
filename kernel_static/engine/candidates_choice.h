/* Which of a list's candidates come first, found by partition (Hoare's selection), not by sorting.
 */
#pragma once

#include "candidates.h"

/* By value, or by nearness to `center`, ties by lower token id. */
struct candidate_order {
    bool near;
    float center;
};

/* Candidates of a list, the chosen ones first. */
struct choice {
    struct candidate *items;
    size_t count; /* chosen */
    float mass;   /* of those */
};

bool candidate_before(const struct candidate_order *order, struct candidate a, struct candidate b);

/* Chooses more of the `count` items behind the chosen ones, first ones first, until `most` are
 * chosen or their mass is `enough`; at least one. */
void choose_first(struct choice *choice, const struct candidate_order *order, size_t count,
                  size_t most, float enough);
