/* What a request asks of the sampler, and what a draw tells. The rules, their order and what they
 * are called are llama.cpp's (src/llama-sampling.cpp and common/sampling.cpp there). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Links of the chain that a row of logits goes through; each sees what the one before left. Numbers
 * in brackets change nothing. */
enum sampler_rule {
    SAMPLER_PENALTIES,   /* tokens of the last repeat_last_n become less likely */
    SAMPLER_DRY,         /* so do tokens that would go on with a repetition */
    SAMPLER_TOP_N_SIGMA, /* keeps what is at most so many deviations below the top [0] */
    SAMPLER_TOP_K,       /* keeps so many of the likeliest [0] */
    SAMPLER_TYPICAL_P,   /* keeps those of typical surprise that make up this mass [0, 1] */
    SAMPLER_TOP_P,       /* keeps the likeliest that make up this mass [1] */
    SAMPLER_MIN_P,       /* keeps what is so likely, relative to the likeliest [0] */
    SAMPLER_XTC,         /* now and then leaves the likely ones out, but the last of them */
    SAMPLER_TEMPERATURE, /* divides logits [1]; 0 keeps the likeliest alone */
    SAMPLER_RULES
};

#define SAMPLER_CHAIN_MOST 16

struct sampling_bias {
    int32_t token;
    float bias; /* is added; SAMPLING_BAN or less forbids the token */
};

/* The API's least bias, which its reference promises to be a ban. */
#define SAMPLING_BAN (-100.0f)

/* A zeroed one always takes the likeliest token. Whom it points to is copied where it is kept. */
struct sampling {
    uint64_t seed;
    float temperature;
    float dynatemp_range; /* 0 off; else temperature is between +- this, by entropy^exponent */
    float dynatemp_exponent;
    uint32_t top_k;
    float top_p;
    float min_p;
    float typical_p;
    float top_n_sigma;
    float xtc_probability; /* that the rule is applied to a draw; 0 off */
    float xtc_threshold;   /* what is likely; above 0.5 off */
    size_t min_keep;       /* typical_p, top_p, min_p and xtc leave at least so many */

    size_t repeat_last_n;    /* of prompt and answer alike; SIZE_MAX all, 0 off */
    float repeat_penalty;    /* divides positive logits, multiplies others; [0, 1] */
    float presence_penalty;  /* is subtracted [0] */
    float frequency_penalty; /* is subtracted for each occurrence [0] */

    float dry_multiplier; /* multiplier * base^(length - allowed_length) is subtracted; 0 off */
    float dry_base;       /* below 1 off */
    uint32_t dry_allowed_length;
    size_t dry_last_n;               /* as repeat_last_n */
    const struct text *dry_breakers; /* no repetition goes across these */
    size_t dry_breaker_count;

    unsigned mirostat; /* 1, 2: draws so after temperature, and the chain has no part; 0 off */
    float mirostat_tau, mirostat_eta;

    const struct sampling_bias *biases; /* applied before all else; of one token they add up */
    size_t bias_count;

    const enum sampler_rule *chain; /* at most SAMPLER_CHAIN_MOST; null: all, in the order above */
    size_t chain_count;

    bool likelihoods;     /* log probabilities are told, of the token drawn */
    uint32_t likeliest;   /* and of so many of the likeliest */
    bool after_the_chain; /* as the chain left them; else as the model gave them */
};

/* The natural logarithm of a token's probability; -inf for one that the chain left out. */
struct token_likelihood {
    int32_t token;
    float log_probability;
};

/* One token of an answer. */
struct drawn_token {
    int32_t token;
    float log_probability;                    /* 0 unless likelihoods were asked for */
    const struct token_likelihood *likeliest; /* as many as asked for, likeliest first */
    size_t likeliest_count;
};
