/* A request's texts and token ids as lists of tokens, checked against vocabulary and context. */
#include "prompt.h"

#include <string.h>

#include "answer.h"
#include "engine.h"
#include "model.h"
#include "tokenizer.h"

static const char not_a_token[] = "has a token id beyond the model's vocabulary";

bool prompt_refuse(struct http_exchange *exchange, const char *field, const char *rule) {
    http_error(exchange, 400, "invalid_request_error", field, "'%s' %s", field, rule);
    return false;
}

bool prompt_no_memory(struct http_exchange *exchange) {
    http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
    return false;
}

static bool too_long(struct http_exchange *exchange, size_t tokens, const char *field) {
    answer_refuse_length(exchange, tokens, field);
    return false;
}

bool prompt_encode(struct http_exchange *exchange, struct text text, const char *field,
                   struct prompt_list *list) {
    /* No token stands for less than a byte, and more than the context is refused anyway. */
    size_t most = text.count < engine_context() ? text.count : engine_context();
    size_t room = (most + 1) * sizeof(int32_t), begun = served_model->add_bos;
    int32_t *tokens = arena_allocate(http_arena(exchange), room);
    if (!tokens)
        return prompt_no_memory(exchange);
    if (begun)
        tokens[0] = served_model->bos;
    ptrdiff_t count = tokenizer_encode(text, true, tokens + begun, most);
    if (count == TOKENIZER_TOO_LONG) {
        count = tokenizer_encode(text, true, NULL, 0);
        if (count >= 0)
            return too_long(exchange, begun + (size_t)count, field);
    }
    if (count < 0)
        return prompt_no_memory(exchange);
    list->count = begun + (size_t)count;
    list->tokens = arena_resize(http_arena(exchange), tokens, room, list->count * sizeof *tokens);
    return list->count > 0 || prompt_refuse(exchange, field, "must not be empty");
}

static bool take(struct http_exchange *exchange, const int64_t *items, size_t count,
                 const char *field, struct prompt_list *list) {
    if (count > engine_context())
        return too_long(exchange, count, field);
    int32_t *tokens = arena_allocate(http_arena(exchange), count * sizeof(*tokens));
    if (!tokens)
        return prompt_no_memory(exchange);
    for (size_t i = 0; i < count; i++) {
        if ((uint64_t)items[i] >= served_model->vocabulary)
            return prompt_refuse(exchange, field, not_a_token);
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
        return prompt_encode(exchange, prompt->text, field, list);
    case PROMPT_TEXTS:
        return prompt_encode(exchange, prompt->texts.items[index], field, list);
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
        return prompt_no_memory(exchange);
    for (size_t i = 0; i < *count; i++)
        if (!one_list(exchange, prompt, i, field, &made[i]))
            return false;
    *lists = made;
    return true;
}

struct text prompt_text(struct http_exchange *exchange, const struct prompt_list *list) {
    size_t size = 0, at = 0;
    size_t first = list->count && served_model->add_bos && list->tokens[0] == served_model->bos;
    for (size_t i = first; i < list->count; i++)
        size += tokenizer_token(list->tokens[i]).count;
    char *bytes = arena_allocate(http_arena(exchange), size + 1);
    for (size_t i = first; bytes && i < list->count; i++) {
        struct text token = tokenizer_token(list->tokens[i]);
        memcpy(bytes + at, token.bytes, token.count);
        at += token.count;
    }
    return (struct text){bytes, at};
}
