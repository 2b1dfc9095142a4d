/* Basu et al. 2021, "Mirostat: A Neural Text Decoding Algorithm that Directly Controls Perplexity":
 * algorithm 1, and its simpler second version. Surprise is in bits. */
#include "mathematics.h"
#include "sampler_rules.h"

#define MEASURED 100 /* likeliest tokens that the estimate is made of */

static const float ln2 = 0.69314718f;

/* How many tokens to draw from: probabilities are taken to fall as those of Zipf's law do, with an
 * exponent that the likeliest tell (equations 4 and 8 there). */
static float top_k(const struct sampler *sampler, size_t vocabulary, const struct candidates *all) {
    struct candidates ranked = *all, *candidates = &ranked; /* a row stays whole for its owner */
    float products = 0, squares = 0;
    size_t count = candidates_rank(candidates, MEASURED);
    for (size_t i = 0; i + 1 < count; i++) {
        float t = math_log((float)(i + 2) / (float)(i + 1));
        float b = (candidates->items[i].value - candidates->items[i + 1].value) * candidates->scale;
        products += t * b;
        squares += t * t;
    }
    float s = products / squares, epsilon = s - 1;
    float tail = 1 - math_exp(-epsilon * math_log((float)vocabulary));
    return math_exp((math_log(epsilon / tail) + sampler->mu * ln2) / s);
}

struct candidate mirostat_pick(struct sampler *sampler, size_t vocabulary,
                               struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    if (rules->mirostat == 1) {
        float most = top_k(sampler, vocabulary, candidates);
        size_t count = most < (float)vocabulary ? (size_t)most : vocabulary;
        candidates_keep_likeliest(candidates, most >= 1 ? count : 1);
    } else {
        float below = math_log(candidates_mass(candidates)) - sampler->mu * ln2;
        if (below > 0)
            candidates_keep_first(candidates);
        else
            candidates_keep_from(candidates, candidates->top + below / candidates->scale, 1);
    }
    float mass = candidates_mass(candidates);
    struct candidate chosen = candidates_pick(candidates, random_uniform(&sampler->random));
    float surprise = (math_log(mass) - math_log(chosen.weight)) / ln2;
    sampler->mu -= rules->mirostat_eta * (surprise - rules->mirostat_tau);
    return chosen;
}
