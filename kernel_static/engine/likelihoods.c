/* The softmax of a row in logarithms, and the likeliest of it. */
#include "likelihoods.h"

#include "mathematics.h"

struct likelihood_scale likelihood_scale(const struct candidates *candidates) {
    return (struct likelihood_scale){candidates->top, candidates->scale,
                                     math_log(candidates_mass(candidates))};
}

float likelihood(const struct likelihood_scale *scale, float value) {
    float logarithm = (value - scale->top) * scale->scale - scale->log_mass;
    return logarithm < 0 ? logarithm : 0; /* rounding may leave a sliver above */
}

size_t likelihoods_rank(struct candidates *candidates, const struct likelihood_scale *scale,
                        size_t most, struct token_likelihood *top) {
    size_t count = most ? candidates_rank(candidates, most) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct candidate *item = &candidates->items[i];
        top[i] = (struct token_likelihood){item->token, likelihood(scale, item->value)};
    }
    return count;
}

size_t likelihoods_fill(struct candidates *row, size_t count, size_t most,
                        struct token_likelihood *top) {
    size_t ranked = candidates_rank(row, most + count), told = count;
    for (size_t i = 0; i < ranked && told < most; i++) {
        bool known = false;
        for (size_t j = 0; j < count; j++)
            known |= top[j].token == row->items[i].token;
        if (!known)
            top[told++] = (struct token_likelihood){row->items[i].token, -__builtin_inff()};
    }
    return told;
}
