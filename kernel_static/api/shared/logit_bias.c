/* Tokens are numbers or texts; in an object's keys, texts of digits are numbers. */
#include "logit_bias.h"

#include "appliance.h"
#include "metrics.h"
#include "model.h"
#include "respond.h"
#include "tokenizer.h"

/* Biases so far; there is room for LIMIT_LOGIT_BIASES. */
struct biases {
    struct http_exchange *exchange;
    struct sampling_bias *items;
    int32_t *tokens; /* of one text */
    size_t count;
};

static bool refuse(const struct biases *biases, const char *rule) {
    http_error(biases->exchange, 400, "invalid_request_error", "logit_bias", "logit_bias %s.",
               rule);
    return false;
}

static bool refuse_more(const struct biases *biases) {
    metric_count(METRIC_LIMIT_REFUSALS_LOGIT_BIASES);
    http_error(biases->exchange, 400, "invalid_request_error", "logit_bias",
               "logit_bias must be of at most %d tokens.", LIMIT_LOGIT_BIASES);
    return false;
}

static bool add_token(struct biases *biases, double token, float bias) {
    if (!(token >= 0 && token < (double)served_model->vocabulary) ||
        token != (double)(int32_t)token)
        return refuse(biases, "must name tokens of the model's vocabulary");
    if (biases->count == LIMIT_LOGIT_BIASES)
        return refuse_more(biases);
    biases->items[biases->count++] = (struct sampling_bias){(int32_t)token, bias};
    return true;
}

static bool add_text(struct biases *biases, struct text text, float bias) {
    ptrdiff_t count = tokenizer_encode(text, false, biases->tokens, LIMIT_LOGIT_BIASES);
    if (count == TOKENIZER_NO_MEMORY) {
        http_error(biases->exchange, 503, "server_error", NULL,
                   "not enough memory for the request");
        return false;
    }
    if (count < 0)
        return refuse_more(biases);
    for (ptrdiff_t i = 0; i < count; i++)
        if (!add_token(biases, biases->tokens[i], bias))
            return false;
    return true;
}

/* A key of digits is a token's number. */
static bool add_key(struct biases *biases, struct text key, float bias) {
    double number = 0;
    for (size_t i = 0; i < key.count; i++) {
        if (key.bytes[i] < '0' || key.bytes[i] > '9')
            return add_text(biases, key, bias);
        number = number * 10 + (key.bytes[i] - '0');
    }
    return key.count ? add_token(biases, number, bias)
                     : refuse(biases, "must have no empty text for a token");
}

static bool add_entry(struct biases *biases, const struct logit_bias_by_token_entry *entry) {
    bool number = entry->value.kind == TOKEN_BIAS_NUMBER;
    if (!number && entry->value.ban)
        return refuse(biases, "must have a number or false for each token");
    return add_key(biases, entry->key, number ? (float)entry->value.number : SAMPLING_BAN);
}

static bool add_item(struct biases *biases, const struct bias_item *item) {
    if (item->kind == BIAS_ITEM_ENTRY)
        return add_token(biases, (double)item->entry.token, (float)item->entry.bias);
    const struct bias_pair *pair = item->pair.items;
    bool number = pair[1].kind == BIAS_PAIR_NUMBER;
    if (pair[1].kind == BIAS_PAIR_TEXT || (!number && pair[1].ban))
        return refuse(biases, "must have a number or false for each token");
    float bias = number ? (float)pair[1].number : SAMPLING_BAN;
    switch (pair[0].kind) {
    case BIAS_PAIR_NUMBER:
        return add_token(biases, pair[0].number, bias);
    case BIAS_PAIR_TEXT:
        return pair[0].text.count ? add_text(biases, pair[0].text, bias)
                                  : refuse(biases, "must have no empty text for a token");
    default:
        return refuse(biases, "must have a number or a text for each token");
    }
}

bool logit_bias_set(struct http_exchange *exchange, const struct logit_bias *given,
                    struct sampling *sampling) {
    bool by_token = given->kind == LOGIT_BIAS_BY_TOKEN;
    size_t count = by_token ? given->by_token.count : given->items.count;
    struct biases biases = {.exchange = exchange};
    if (!count)
        return true;
    biases.items = arena_allocate(http_arena(exchange), LIMIT_LOGIT_BIASES * sizeof(*biases.items));
    biases.tokens =
        arena_allocate(http_arena(exchange), LIMIT_LOGIT_BIASES * sizeof(*biases.tokens));
    if (!biases.items || !biases.tokens) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!(by_token ? add_entry(&biases, &given->by_token.items[i])
                       : add_item(&biases, &given->items.items[i])))
            return false;
    sampling->biases = biases.items;
    sampling->bias_count = biases.count;
    return true;
}

bool logit_bias_told(struct http_exchange *exchange, const struct sampling *sampling,
                     struct logit_bias *told) {
    size_t count = sampling->bias_count;
    struct bias_item *items = arena_allocate(http_arena(exchange), count * sizeof(*items));
    if (count && !items) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return false;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = (struct bias_item){.kind = BIAS_ITEM_ENTRY,
                                      .entry = {.token = sampling->biases[i].token,
                                                .bias = (double)sampling->biases[i].bias}};
    *told = (struct logit_bias){.kind = LOGIT_BIAS_ITEMS, .items = {items, count}};
    return true;
}
