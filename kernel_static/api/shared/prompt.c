/* A request's texts and token ids as lists of tokens, checked against vocabulary and context. */
#include "prompt.h"

#include "engine.h"
#include "model.h"
#include "tokenizer.h"

static bool refuse(struct http_exchange *exchange, const char *field, const char *rule) {
    http_error(exchange, 400, "invalid_request_error", field, "'%s' %s", field, rule);
    return false;
}

static bool no_memory(struct http_exchange *exchange) {
    http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
    return false;
}

static bool too_long(struct http_exchange *exchange, const char *field) {
    http_error(exchange, 400, "invalid_request_error", field,
               "'%s' is longer than the context of %u tokens", field, (unsigned)engine_context());
    return false;
}

static bool encode(struct http_exchange *exchange, struct text text, const char *field,
                   struct prompt_list *list) {
    /* No token stands for less than a byte, and more than the context is refused anyway. */
    size_t most = text.count < engine_context() ? text.count : engine_context();
    int32_t *tokens = arena_allocate(http_arena(exchange), (most + 1) * sizeof(*tokens));
    if (!tokens)
        return no_memory(exchange);
    if (served_model->add_bos)
        tokens[0] = served_model->bos;
    ptrdiff_t count = tokenizer_encode(text, true, tokens + served_model->add_bos, most);
    if (count == TOKENIZER_NO_MEMORY)
        return no_memory(exchange);
    if (count < 0)
        return too_long(exchange, field);
    *list = (struct prompt_list){tokens, (size_t)count + served_model->add_bos};
    return list->count > 0 || refuse(exchange, field, "must not be empty");
}

static bool take(struct http_exchange *exchange, const int64_t *items, size_t count,
                 const char *field, struct prompt_list *list) {
    if (count > engine_context())
        return too_long(exchange, field);
    int32_t *tokens = arena_allocate(http_arena(exchange), count * sizeof(*tokens));
    if (!tokens)
        return no_memory(exchange);
    for (size_t i = 0; i < count; i++) {
        if ((uint64_t)items[i] >= served_model->vocabulary)
            return refuse(exchange, field, "has a token id beyond the model's vocabulary");
        tokens[i] = (int32_t)items[i];
    }
    *list = (struct prompt_list){tokens, count};
    return true;
}

static size_t list_count(const struct prompt *prompt) {
    switch (prompt->kind) {
    case PROMPT_TEXTS:
        return prompt->texts.count;
    case PROMPT_TOKEN_LISTS:
        return prompt->token_lists.count;
    default:
        return 1;
    }
}

static bool one_list(struct http_exchange *exchange, const struct prompt *prompt, size_t index,
                     const char *field, struct prompt_list *list) {
    switch (prompt->kind) {
    case PROMPT_TEXT:
        return encode(exchange, prompt->text, field, list);
    case PROMPT_TEXTS:
        return encode(exchange, prompt->texts.items[index], field, list);
    case PROMPT_TOKENS:
        return take(exchange, prompt->tokens.items, prompt->tokens.count, field, list);
    default:
        return take(exchange, prompt->token_lists.items[index].items,
                    prompt->token_lists.items[index].count, field, list);
    }
}

bool prompt_lists(struct http_exchange *exchange, const struct prompt *prompt, const char *field,
                  const struct prompt_list **lists, size_t *count) {
    *count = list_count(prompt);
    struct prompt_list *made = arena_allocate(http_arena(exchange), *count * sizeof(*made));
    if (!made)
        return no_memory(exchange);
    for (size_t i = 0; i < *count; i++)
        if (!one_list(exchange, prompt, i, field, &made[i]))
            return false;
    *lists = made;
    return true;
}
