/* The chain: which rules it has, and what becomes of a row that goes through it. */
#include "sampler.h"

#include <float.h>
#include <string.h>

#include "heap.h"
#include "likelihoods.h"
#include "mathematics.h"
#include "sampler_rules.h"

static const float infinite = __builtin_inff();

static bool changes_something(const struct sampling *rules, enum sampler_rule rule) {
    switch (rule) {
    case SAMPLER_PENALTIES:
        return rules->repeat_last_n &&
               ((rules->repeat_penalty > 0 && rules->repeat_penalty != 1) ||
                rules->presence_penalty != 0 || rules->frequency_penalty != 0);
    case SAMPLER_DRY:
        return rules->dry_multiplier != 0 && rules->dry_base >= 1 && rules->dry_last_n;
    case SAMPLER_TOP_N_SIGMA:
        return rules->top_n_sigma > 0;
    case SAMPLER_TOP_K:
        return rules->top_k > 0;
    case SAMPLER_TYPICAL_P:
        return rules->typical_p > 0 && rules->typical_p < 1;
    case SAMPLER_TOP_P:
        return rules->top_p < 1;
    case SAMPLER_MIN_P:
        return rules->min_p > 0;
    case SAMPLER_XTC:
        return rules->xtc_probability > 0 && rules->xtc_threshold <= 0.5f;
    default:
        return rules->temperature != 1 || rules->dynatemp_range > 0;
    }
}

/* Leaves one candidate: what comes later in the chain finds nothing to choose. */
static bool leaves_one(const struct sampling *rules, enum sampler_rule rule) {
    bool cold = rules->temperature <= 0 || 1 / rules->temperature > FLT_MAX;
    return (rule == SAMPLER_TOP_K && rules->top_k == 1) ||
           (rule == SAMPLER_TEMPERATURE && rules->dynatemp_range <= 0 && cold);
}

/* Keeps the likeliest in any case, so that one who wants that alone need not ask. */
static bool keeps_likeliest(enum sampler_rule rule) {
    return rule == SAMPLER_TOP_N_SIGMA || rule == SAMPLER_TOP_K || rule == SAMPLER_TOP_P ||
           rule == SAMPLER_MIN_P || rule == SAMPLER_TEMPERATURE;
}

static void link_chain(struct sampler *sampler, const enum sampler_rule *chain, size_t count) {
    unsigned char *links = sampler->links;
    size_t linked = 0;
    bool one = false;
    for (size_t i = 0; i < count && !one; i++) {
        one = leaves_one(&sampler->rules, chain[i]);
        while (one && linked && keeps_likeliest(links[linked - 1]))
            linked--;
        if (changes_something(&sampler->rules, chain[i]))
            links[linked++] = one ? SAMPLER_LIKELIEST : (unsigned char)chain[i];
    }
    sampler->link_count = linked;
}

/* One block: breakers, biases, likelihoods, the chain, the breakers' bytes. */
static bool copy_pointed(struct sampler *sampler) {
    struct sampling *rules = &sampler->rules;
    size_t texts = rules->dry_breaker_count * sizeof(struct text);
    size_t biases = rules->bias_count * sizeof(struct sampling_bias);
    size_t top = rules->likelihoods ? rules->likeliest * sizeof(struct token_likelihood) : 0;
    size_t chain = rules->chain ? rules->chain_count * sizeof(enum sampler_rule) : 0, bytes = 0;
    for (size_t i = 0; i < rules->dry_breaker_count; i++)
        bytes += rules->dry_breakers[i].count;
    if (!(texts + biases + top + chain))
        return true;
    char *block = sampler->copies = heap_allocate(texts + biases + top + chain + bytes);
    if (!block)
        return false;
    struct text *breakers = (struct text *)block;
    struct sampling_bias *bias = (struct sampling_bias *)(block + texts);
    sampler->top = (struct token_likelihood *)(block + texts + biases);
    enum sampler_rule *links = (enum sampler_rule *)(block + texts + biases + top);
    char *end = block + texts + biases + top + chain;
    for (size_t i = 0; i < rules->dry_breaker_count; i++) {
        breakers[i] = (struct text){end, rules->dry_breakers[i].count};
        memcpy(end, rules->dry_breakers[i].bytes, breakers[i].count);
        end += breakers[i].count;
    }
    for (size_t i = 0; i < rules->bias_count; i++)
        bias[i] = rules->biases[i];
    for (size_t i = 0; chain && i < rules->chain_count; i++)
        links[i] = rules->chain[i];
    rules->chain = rules->chain ? links : NULL;
    rules->dry_breakers = breakers;
    rules->biases = bias;
    return true;
}

bool sampler_start(struct sampler *sampler, const struct sampling *rules) {
    static const enum sampler_rule usual[] = {
        SAMPLER_PENALTIES, SAMPLER_DRY,       SAMPLER_TOP_N_SIGMA,
        SAMPLER_TOP_K,     SAMPLER_TYPICAL_P, SAMPLER_TOP_P,
        SAMPLER_MIN_P,     SAMPLER_XTC,       SAMPLER_TEMPERATURE};
    static const enum sampler_rule mirostat[] = {SAMPLER_TEMPERATURE};

    *sampler = (struct sampler){.rules = *rules, .mu = 2 * rules->mirostat_tau};
    random_seed(&sampler->random, rules->seed);
    if (rules->mirostat)
        link_chain(sampler, mirostat, 1);
    else if (rules->chain)
        link_chain(sampler, rules->chain, rules->chain_count);
    else
        link_chain(sampler, usual, SAMPLER_RULES);
    return copy_pointed(sampler);
}

void sampler_release(struct sampler *sampler) {
    heap_release(sampler->copies);
    sampler->copies = NULL;
}

size_t sampler_scratch(size_t vocabulary, size_t context) {
    return candidates_scratch(vocabulary) + context * sizeof(uint32_t);
}

/* What the link behind top_p drops, that need not be looked for. */
static float floor_of(const struct sampler *sampler, size_t link,
                      const struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    bool follows = link + 1 < sampler->link_count && sampler->links[link + 1] == SAMPLER_MIN_P;
    if (!follows || rules->min_keep > 1)
        return -infinite;
    return candidates->top + math_log(rules->min_p) / candidates->scale;
}

static void apply(struct sampler *sampler, const struct sampler_row *row, size_t link,
                  uint32_t *lengths, struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    switch (sampler->links[link]) {
    case SAMPLER_PENALTIES:
        rule_penalties(sampler, row, candidates);
        break;
    case SAMPLER_DRY:
        rule_dry(sampler, row, lengths, candidates);
        break;
    case SAMPLER_TOP_N_SIGMA: /* Tang et al. 2024, "Top-n-sigma: Not All Logits Are You Need" */
        candidates_keep_from(
            candidates,
            candidates->top - rules->top_n_sigma * candidates_spread(candidates).deviation, 0);
        break;
    case SAMPLER_TOP_K:
        candidates_keep_likeliest(candidates, rules->top_k);
        break;
    case SAMPLER_TYPICAL_P:
        rule_typical(rules, candidates);
        break;
    case SAMPLER_TOP_P: /* Holtzman et al. 2019, "The Curious Case of Neural Text Degeneration" */
        candidates_keep_part(candidates, rules->top_p, rules->min_keep,
                             floor_of(sampler, link, candidates));
        break;
    case SAMPLER_MIN_P: /* Nguyen et al. 2024, "Turning Up the Heat" */
        candidates_keep_from(candidates,
                             candidates->top + math_log(rules->min_p) / candidates->scale,
                             rules->min_keep);
        break;
    case SAMPLER_XTC:
        rule_xtc(sampler, candidates);
        break;
    case SAMPLER_TEMPERATURE:
        rule_temperature(rules, candidates);
        break;
    default:
        candidates_keep_first(candidates);
    }
}

static bool drawable(const struct candidates *candidates) {
    return candidates->top - candidates->top == 0; /* finite */
}

int32_t sampler_draw(struct sampler *sampler, const struct sampler_row *row, void *scratch,
                     struct drawn_token *drawn) {
    const struct sampling *rules = &sampler->rules;
    uint32_t *lengths = (uint32_t *)((char *)scratch + candidates_scratch(row->count));
    struct likelihood_scale scale = {0};
    struct candidates candidates;
    bool before = rules->likelihoods && !rules->after_the_chain;

    *drawn = (struct drawn_token){.token = -1};
    candidates_start(&candidates, row->logits, row->count, scratch);
    if (before) {
        candidates_survey(&candidates);
        if (!drawable(&candidates))
            return -1;
        scale = likelihood_scale(&candidates);
        drawn->likeliest_count =
            likelihoods_rank(&candidates, &scale, rules->likeliest, sampler->top);
        candidates_start(&candidates, row->logits, row->count, scratch);
    }
    rule_bias(sampler, row, &candidates);
    candidates_survey(&candidates);
    for (size_t link = 0; link < sampler->link_count && drawable(&candidates); link++)
        apply(sampler, row, link, lengths, &candidates);
    if (!drawable(&candidates))
        return -1;
    struct candidate chosen = rules->mirostat
                                  ? mirostat_pick(sampler, row->count, &candidates)
                                  : candidates_pick(&candidates, random_uniform(&sampler->random));
    drawn->token = chosen.token;
    if (before)
        drawn->log_probability = likelihood(&scale, row->logits[chosen.token]);
    if (rules->likelihoods && rules->after_the_chain) {
        scale = likelihood_scale(&candidates);
        drawn->log_probability = likelihood(&scale, chosen.value);
        size_t count = likelihoods_rank(&candidates, &scale, rules->likeliest, sampler->top);
        if (count < rules->likeliest) {
            candidates_start(&candidates, row->logits, row->count, scratch);
            candidates_survey(&candidates);
            count = likelihoods_fill(&candidates, count, rules->likeliest, sampler->top);
        }
        drawn->likeliest_count = count;
    }
    drawn->likeliest = drawn->likeliest_count ? sampler->top : NULL;
    return drawn->token;
}
