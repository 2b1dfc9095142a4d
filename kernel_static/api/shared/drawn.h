/* Tokens that were drawn, with their chances, as the API tells them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/answers.h"
#include "buffer.h"
#include "sampling.h"

#define DRAWN_LIKELIEST_MOST 20 /* LIKELIEST_MOST of specs/api/answers.py */

/* Records of tokens: each is followed by its likeliest, `likeliest` of them; a token below 0 fills
 * up where there were fewer. */
struct drawn {
    const struct token_likelihood *records;
    size_t count, likeliest;
    bool after_the_chain; /* chances are those that the chain left */
    size_t characters;    /* of the text before the first */
};

/* Appends a token to a buffer of records. */
void drawn_append(struct buffer *records, const struct drawn_token *token, size_t likeliest);

/* Makers of items of arrays that are made while they are written (Array(..., made=True)); the
 * context is a struct drawn. */
bool drawn_id(void *context, size_t index, int32_t *item);
bool drawn_chance(void *context, size_t index, struct token_chance *item);
bool drawn_text(void *context, size_t index, struct text *item);
bool drawn_log_probability(void *context, size_t index, double *item);
bool drawn_offset(void *context, size_t index, int64_t *item);
bool drawn_likeliest(void *context, size_t index, struct text_logprobs_top_logprobs_item *item);

/* The same in OpenAI's two shapes; they refer to `drawn`. */
struct logprobs drawn_logprobs(const struct drawn *drawn);
struct text_logprobs drawn_text_logprobs(const struct drawn *drawn);
