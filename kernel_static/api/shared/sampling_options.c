/* What a request says of how to draw tokens, as the engine's sampling. */
#include <string.h>

#include "answer.h"
#include "logit_bias.h"
#include "model.h"
#include "platform.h"

/* llama.cpp's letters for rules (common/sampling.cpp there), in the order of enum sampler_rule. */
static const char letters[SAMPLER_RULES + 1] = "edskypmxt";

/* The usual rules, in their order, which is that of enum sampler_rule. */
static const enum sampling_rule usual[SAMPLER_RULES] = {
    SAMPLING_RULE_PENALTIES, SAMPLING_RULE_DRY,   SAMPLING_RULE_TOP_N_SIGMA,
    SAMPLING_RULE_TOP_K,     SAMPLING_RULE_TYP_P, SAMPLING_RULE_TOP_P,
    SAMPLING_RULE_MIN_P,     SAMPLING_RULE_XTC,   SAMPLING_RULE_TEMPERATURE};

static const struct text usual_breakers[] = {{"\n", 1}, {":", 1}, {"\"", 1}, {"*", 1}};

static enum sampler_rule rule_named(enum sampling_rule name) {
    switch (name) {
    case SAMPLING_RULE_PENALTIES:
        return SAMPLER_PENALTIES;
    case SAMPLING_RULE_DRY:
        return SAMPLER_DRY;
    case SAMPLING_RULE_TOP_N_SIGMA:
        return SAMPLER_TOP_N_SIGMA;
    case SAMPLING_RULE_TOP_K:
        return SAMPLER_TOP_K;
    case SAMPLING_RULE_TYP_P:
    case SAMPLING_RULE_TYPICAL_P:
        return SAMPLER_TYPICAL_P;
    case SAMPLING_RULE_TOP_P:
        return SAMPLER_TOP_P;
    case SAMPLING_RULE_MIN_P:
        return SAMPLER_MIN_P;
    case SAMPLING_RULE_XTC:
        return SAMPLER_XTC;
    default:
        return SAMPLER_TEMPERATURE;
    }
}

/* The chain that a request names; false if it was answered with an error. */
static bool set_chain(struct http_exchange *exchange, const struct samplers *samplers,
                      struct answer *answer) {
    struct sampling *sampling = &answer->generation.sampling;
    struct arena *arena = http_arena(exchange);
    enum sampler_rule *chain = arena_allocate(arena, SAMPLER_CHAIN_MOST * sizeof(*chain));
    enum sampling_rule *rules = arena_allocate(arena, SAMPLER_CHAIN_MOST * sizeof(*rules));
    bool named = samplers->kind == SAMPLERS_NAMES;
    size_t count = named ? samplers->names.count : samplers->letters.count;
    if (!chain || !rules) {
        answer_refuse(exchange, SUBMIT_NO_MEMORY, "samplers");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *letter =
            named ? letters : memchr(letters, samplers->letters.bytes[i], SAMPLER_RULES);
        if (!letter || i == SAMPLER_CHAIN_MOST) {
            http_error(exchange, 400, "invalid_request_error", "samplers",
                       "samplers must be names of rules, or some of the letters %s.", letters);
            return false;
        }
        chain[i] =
            named ? rule_named(samplers->names.items[i]) : (enum sampler_rule)(letter - letters);
        rules[i] = named ? samplers->names.items[i] : usual[chain[i]];
    }
    answer->rules = rules;
    sampling->chain = chain;
    sampling->chain_count = count;
    return true;
}

/* -1 stands for all, and so does what no memory could hold. */
static size_t so_many(int64_t count) {
    return (uint64_t)count < SIZE_MAX ? (size_t)count : SIZE_MAX;
}

/* 53 bits, which clients that know no numbers but doubles can send again. */
static uint64_t random_seed(void) {
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    return seed >> 11;
}

struct sampling_options sampling_options_told(const struct answer *answer,
                                              const struct sampling_options *options) {
    struct sampling_options told = *options;
    told.seed_is_null = told.logit_bias_is_null = false;
    told.samplers_is_null = told.dry_sequence_breakers_is_null = false;
    told.has_seed = true;
    told.seed = (int64_t)answer->generation.sampling.seed;
    told.has_logit_bias = true;
    told.logit_bias = answer->logit_bias;
    told.has_samplers = true;
    if (answer->rules)
        told.samplers =
            (struct samplers){.kind = SAMPLERS_NAMES,
                              .names = {answer->rules, answer->generation.sampling.chain_count}};
    else
        told.samplers = (struct samplers){.kind = SAMPLERS_NAMES,
                                          .names = {usual, sizeof(usual) / sizeof(*usual)}};
    if (!told.has_dry_sequence_breakers) {
        told.has_dry_sequence_breakers = true;
        told.dry_sequence_breakers = (struct sampling_options_dry_sequence_breakers){
            usual_breakers, sizeof(usual_breakers) / sizeof(*usual_breakers)};
    }
    return told;
}

bool answer_set_sampling(struct http_exchange *exchange, struct answer *answer,
                         const struct sampling_options *options) {
    bool some = options->top_k > 0 && (uint64_t)options->top_k < served_model->vocabulary;
    bool own_breakers = options->has_dry_sequence_breakers;
    struct sampling *sampling = &answer->generation.sampling;
    *sampling = (struct sampling){
        .seed = (uint64_t)options->seed,
        .temperature = (float)options->temperature,
        .dynatemp_range = (float)options->dynatemp_range,
        .dynatemp_exponent = (float)options->dynatemp_exponent,
        .top_k = some ? (uint32_t)options->top_k : 0,
        .top_p = (float)options->top_p,
        .min_p = (float)options->min_p,
        .typical_p = (float)options->typical_p,
        .top_n_sigma = (float)options->top_n_sigma,
        .xtc_probability = (float)options->xtc_probability,
        .xtc_threshold = (float)options->xtc_threshold,
        .min_keep = so_many(options->min_keep),
        .repeat_last_n = so_many(options->repeat_last_n),
        .repeat_penalty = (float)options->repeat_penalty,
        .presence_penalty = (float)options->presence_penalty,
        .frequency_penalty = (float)options->frequency_penalty,
        .dry_multiplier = (float)options->dry_multiplier,
        .dry_base = (float)options->dry_base,
        .dry_allowed_length = (uint32_t)options->dry_allowed_length,
        .dry_last_n = so_many(options->dry_penalty_last_n),
        .dry_breakers = own_breakers ? options->dry_sequence_breakers.items : usual_breakers,
        .dry_breaker_count = own_breakers ? options->dry_sequence_breakers.count
                                          : sizeof(usual_breakers) / sizeof(*usual_breakers),
        .mirostat = (unsigned)options->mirostat,
        .mirostat_tau = (float)options->mirostat_tau,
        .mirostat_eta = (float)options->mirostat_eta};
    if (!options->has_seed || options->seed == -1)
        sampling->seed = random_seed();
    answer->generation.ignore_end = options->ignore_eos;
    answer->generation.min_tokens = so_many(options->min_tokens);
    if (options->has_logit_bias && !logit_bias_set(exchange, &options->logit_bias, sampling))
        return false;
    if (!logit_bias_told(exchange, sampling, &answer->logit_bias))
        return false;
    return !options->has_samplers || set_chain(exchange, &options->samplers, answer);
}
