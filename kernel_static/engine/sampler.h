/* Draws one sequence's next tokens from rows of logits. What is drawn depends on the rows, on the
 * tokens before and on the draws before, and on nothing else: not on who else is served, nor on how
 * many workers there are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"
#include "sampling.h"

#define SAMPLER_LIKELIEST SAMPLER_RULES /* a link of the chain that leaves the likeliest alone */

struct sampler {
    struct sampling rules;                   /* whose pointers lead into `copies` */
    unsigned char links[SAMPLER_CHAIN_MOST]; /* rules that change something */
    size_t link_count;
    struct random_state random;
    float mu; /* mirostat's bound of surprise, in bits */
    void *copies;
    struct token_likelihood *top; /* room for rules.likeliest */
};

/* Copies what the rules point to. False if there is no memory; there is nothing to release then. */
bool sampler_start(struct sampler *sampler, const struct sampling *rules);

/* A zeroed one may be released too. */
void sampler_release(struct sampler *sampler);

struct sampler_row {
    const float *logits; /* only read */
    size_t count;        /* the vocabulary's */
    const int32_t *tokens;
    size_t token_count; /* prompt and answer so far */
    bool forbid_end;    /* no token that ends an answer */
};

/* Bytes of scratch, aligned as pointers are, for rows of `vocabulary` logits after at most
 * `context` tokens. One serves all sequences. */
size_t sampler_scratch(size_t vocabulary, size_t context);

/* Draws the token that follows. Ties go to the lower token id; a NaN is never chosen. -1 if the
 * largest logit is no finite number. *drawn gets the token and its likelihoods; those are the
 * sampler's and hold until its next draw. */
int32_t sampler_draw(struct sampler *sampler, const struct sampler_row *row, void *scratch,
                     struct drawn_token *drawn);
