/* Rules that change the logits of some tokens. Marks, one for each token of the vocabulary, tell
 * which; they are cleared where they may be read, so a draw takes time in proportion to the tokens
 * that it looks back at. */
#include "sampler_rules.h"
#include "tokenizer.h"

#define LARGEST 1e30f /* value: it stays finite */

static const float forbidden = -__builtin_inff();

void rule_bias(const struct sampler *sampler, const struct sampler_row *row,
               struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    size_t end_count = 0;
    const int32_t *ends = row->forbid_end ? tokenizer_ends(&end_count) : NULL;
    float *values = rules->bias_count || end_count ? candidates_own_row(candidates) : NULL;

    for (size_t i = 0; i < rules->bias_count; i++) {
        struct sampling_bias bias = rules->biases[i];
        if ((size_t)bias.token < row->count)
            values[bias.token] += bias.bias <= SAMPLING_BAN ? forbidden : bias.bias;
    }
    for (size_t i = 0; i < end_count; i++)
        if ((size_t)ends[i] < row->count)
            values[ends[i]] = forbidden;
}

void marks_clear(struct candidates *candidates, const int32_t *tokens, size_t count) {
    for (size_t i = 0; i < count; i++)
        candidates->marks[tokens[i]] = 0;
    for (size_t i = 0; !candidates->whole && i < candidates->count; i++)
        candidates->marks[candidates->items[i].token] = 0;
}

void marks_apply(struct candidates *candidates, const int32_t *tokens, size_t count,
                 float (*change)(const struct sampling *rules, float value, uint32_t mark),
                 const struct sampling *rules) {
    uint32_t *marks = candidates->marks;
    candidates_settle(candidates);
    float *row = candidates_own_row(candidates);
    for (size_t i = 0; row && i < count; i++) {
        uint32_t *mark = &marks[tokens[i]];
        if (*mark)
            row[tokens[i]] = change(rules, row[tokens[i]], *mark);
        *mark = 0;
    }
    for (size_t i = 0; !row && i < candidates->count; i++) {
        struct candidate *item = &candidates->items[i];
        if (marks[item->token])
            item->value = change(rules, item->value, marks[item->token]);
    }
    candidates_survey(candidates);
}

/* Keskar et al. 2019, "CTRL", section 4.1, divides all logits; of negative ones that would make the
 * token likelier. Presence and frequency: OpenAI's API reference. */
static float penalise(const struct sampling *rules, float value, uint32_t occurrences) {
    if (rules->repeat_penalty > 0)
        value = value > 0 ? value / rules->repeat_penalty : value * rules->repeat_penalty;
    value -= (float)occurrences * rules->frequency_penalty + rules->presence_penalty;
    return value > LARGEST ? LARGEST : value; /* what is no number stays so */
}

void rule_penalties(const struct sampler *sampler, const struct sampler_row *row,
                    struct candidates *candidates) {
    size_t last = sampler->rules.repeat_last_n, all = row->token_count;
    size_t count = last < all ? last : all;
    const int32_t *tokens = row->tokens + (all - count);

    marks_clear(candidates, tokens, count);
    for (size_t i = 0; i < count; i++)
        candidates->marks[tokens[i]]++;
    marks_apply(candidates, tokens, count, penalise, &sampler->rules);
}
