/* Records of drawn tokens, and what the API says of them. */
#include "drawn.h"

#include "mathematics.h"
#include "tokenizer.h"
#include "utf8.h"

#define LEAST_LOG_PROBABILITY                                                                      \
    (-9999.0) /* what OpenAI tells of a token that was out of question                             \
               */

void drawn_append(struct buffer *records, const struct drawn_token *token, size_t likeliest) {
    struct token_likelihood own = {token->token, token->log_probability};
    static const struct token_likelihood none = {-1, 0};
    buffer_append(records, &own, sizeof own);
    for (size_t i = 0; i < likeliest; i++)
        buffer_append(records, i < token->likeliest_count ? &token->likeliest[i] : &none,
                      sizeof none);
}

static const struct token_likelihood *record(const struct drawn *drawn, size_t index) {
    return drawn->records + index * (1 + drawn->likeliest);
}

static size_t likeliest_count(const struct drawn *drawn, const struct token_likelihood *own) {
    size_t count = 0;
    while (count < drawn->likeliest && own[1 + count].token >= 0)
        count++;
    return count;
}

static double told(float log_probability) {
    return log_probability > LEAST_LOG_PROBABILITY ? (double)log_probability
                                                   : LEAST_LOG_PROBABILITY;
}

/* One byte of a token's text; the context is the record. */
static bool byte(void *context, size_t index, int32_t *item) {
    const struct token_likelihood *own = context;
    *item = (uint8_t)tokenizer_token(own->token).bytes[index];
    return true;
}

/* A record of the likeliest; the context is the first. */
static bool likely(void *context, size_t index, struct likely_token *item, bool after) {
    struct token_likelihood *own = (struct token_likelihood *)context + index;
    struct text text = tokenizer_token(own->token);
    *item = (struct likely_token){.id = own->token,
                                  .token = text,
                                  .bytes = {byte, own, text.count},
                                  .has_logprob = !after,
                                  .logprob = told(own->log_probability),
                                  .has_prob = after,
                                  .prob = after ? math_exp(own->log_probability) : 0};
    return true;
}

static bool likely_before(void *context, size_t index, struct likely_token *item) {
    return likely(context, index, item, false);
}

static bool likely_after(void *context, size_t index, struct likely_token *item) {
    return likely(context, index, item, true);
}

bool drawn_id(void *context, size_t index, int32_t *item) {
    *item = record(context, index)->token;
    return true;
}

bool drawn_chance(void *context, size_t index, struct token_chance *item) {
    const struct drawn *drawn = context;
    struct token_likelihood *own = (struct token_likelihood *)record(drawn, index);
    struct text text = tokenizer_token(own->token);
    bool after = drawn->after_the_chain;
    size_t count = likeliest_count(drawn, own);
    *item = (struct token_chance){.id = own->token,
                                  .token = text,
                                  .bytes = {byte, own, text.count},
                                  .has_logprob = !after,
                                  .logprob = told(own->log_probability),
                                  .has_prob = after,
                                  .prob = after ? math_exp(own->log_probability) : 0,
                                  .has_top_logprobs = !after,
                                  .top_logprobs = {likely_before, own + 1, count},
                                  .has_top_probs = after,
                                  .top_probs = {likely_after, own + 1, count}};
    return true;
}

bool drawn_text(void *context, size_t index, struct text *item) {
    *item = tokenizer_token(record(context, index)->token);
    return true;
}

bool drawn_log_probability(void *context, size_t index, double *item) {
    *item = told(record(context, index)->log_probability);
    return true;
}

/* Characters begin with bytes that do not go on with one (RFC 3629 section 3). */
static size_t characters(struct text text) {
    size_t count = 0;
    for (size_t i = 0; i < text.count; i++)
        count += ((uint8_t)text.bytes[i] & 0xc0) != 0x80;
    return count;
}

bool drawn_offset(void *context, size_t index, int64_t *item) {
    struct drawn *drawn = context;
    *item = (int64_t)drawn->characters;
    drawn->characters += characters(tokenizer_token(record(drawn, index)->token));
    return true;
}

bool drawn_likeliest(void *context, size_t index, struct text_logprobs_top_logprobs_item *item) {
    static struct text_logprobs_top_logprobs_item_entry entries[DRAWN_LIKELIEST_MOST];
    const struct drawn *drawn = context;
    const struct token_likelihood *own = record(drawn, index);
    size_t count = likeliest_count(drawn, own);
    for (size_t i = 0; i < count; i++) {
        entries[i].key = tokenizer_token(own[1 + i].token);
        entries[i].value = told(own[1 + i].log_probability);
    }
    *item = (struct text_logprobs_top_logprobs_item){entries, count};
    return true;
}

struct logprobs drawn_logprobs(const struct drawn *drawn) {
    return (struct logprobs){.content = {drawn_chance, (void *)drawn, drawn->count}};
}

struct text_logprobs drawn_text_logprobs(const struct drawn *drawn) {
    void *context = (void *)drawn;
    size_t count = drawn->count;
    return (struct text_logprobs){.tokens = {drawn_text, context, count},
                                  .token_logprobs = {drawn_log_probability, context, count},
                                  .has_top_logprobs = drawn->likeliest > 0,
                                  .top_logprobs = {drawn_likeliest, context, count},
                                  .text_offset = {drawn_offset, context, count},
                                  .content = {drawn_chance, context, count}};
}
