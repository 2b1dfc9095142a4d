/* Prompts as llama.cpp takes them: text, tokens, both mixed, objects, and arrays of these. */
#include "api/completion.h"
#include "answer.h"
#include "model.h"
#include "prompt.h"
#include "tokenizer.h"

/* A prompt that is put together. */
struct mixture {
    struct http_exchange *exchange;
    const char *field;
    int32_t *tokens;
    size_t count, capacity;
};

static bool start(struct mixture *mixture, struct http_exchange *exchange, const char *field) {
    *mixture =
        (struct mixture){.exchange = exchange, .field = field, .capacity = engine_context() + 1};
    mixture->tokens = arena_allocate(http_arena(exchange), mixture->capacity * sizeof(int32_t));
    return mixture->tokens || prompt_no_memory(exchange);
}

/* Of a prompt that is longer than the context its full length is not known: this much is. */
static bool too_long(struct mixture *mixture, size_t more) {
    answer_refuse_length(mixture->exchange, mixture->count + more, mixture->field);
    return false;
}

static bool add_token(struct mixture *mixture, int64_t token) {
    if ((uint64_t)token >= served_model->vocabulary)
        return prompt_refuse(mixture->exchange, mixture->field,
                             "has a token id beyond the model's vocabulary");
    if (mixture->count == mixture->capacity)
        return too_long(mixture, 1);
    mixture->tokens[mixture->count++] = (int32_t)token;
    return true;
}

static bool add_text(struct mixture *mixture, struct text text) {
    if (!mixture->count && served_model->add_bos && !add_token(mixture, served_model->bos))
        return false;
    ptrdiff_t count = tokenizer_encode(text, true, mixture->tokens + mixture->count,
                                       mixture->capacity - mixture->count);
    if (count == TOKENIZER_TOO_LONG) {
        count = tokenizer_encode(text, true, NULL, 0);
        if (count >= 0)
            return too_long(mixture, (size_t)count);
    }
    if (count < 0)
        return prompt_no_memory(mixture->exchange);
    mixture->count += (size_t)count;
    return true;
}

static bool end(struct mixture *mixture, struct prompt_list *list) {
    size_t size = mixture->count * sizeof(int32_t);
    *list = (struct prompt_list){arena_resize(http_arena(mixture->exchange), mixture->tokens,
                                              mixture->capacity * sizeof(int32_t), size),
                                 mixture->count};
    return mixture->count || prompt_refuse(mixture->exchange, mixture->field, "must not be empty");
}

static bool mix_pieces(struct http_exchange *exchange, const struct prompt_item_pieces *pieces,
                       const char *field, struct prompt_list *list) {
    struct mixture mixture;
    if (!start(&mixture, exchange, field))
        return false;
    for (size_t i = 0; i < pieces->count; i++) {
        const struct prompt_piece *piece = &pieces->items[i];
        if (piece->kind == PROMPT_PIECE_TOKEN ? !add_token(&mixture, piece->token)
                                              : !add_text(&mixture, piece->text))
            return false;
    }
    return end(&mixture, list);
}

/* All items as one prompt: some are bare tokens, so that the others may only be text. */
static bool mix_items(struct http_exchange *exchange, const struct native_prompt_items *items,
                      const char *field, struct prompt_list *list) {
    struct mixture mixture;
    if (!start(&mixture, exchange, field))
        return false;
    for (size_t i = 0; i < items->count; i++) {
        const struct prompt_item *item = &items->items[i];
        if (item->kind != PROMPT_ITEM_TOKEN && item->kind != PROMPT_ITEM_TEXT)
            return prompt_refuse(exchange, field, "mixes tokens with what is no text");
        if (item->kind == PROMPT_ITEM_TOKEN ? !add_token(&mixture, item->token)
                                            : !add_text(&mixture, item->text))
            return false;
    }
    return end(&mixture, list);
}

static bool one(struct http_exchange *exchange, const struct prompt_item *item, const char *field,
                struct prompt_list *list) {
    switch (item->kind) {
    case PROMPT_ITEM_TEXT:
        return prompt_encode(exchange, item->text, field, list);
    case PROMPT_ITEM_OBJECT:
        return prompt_encode(exchange, item->object.prompt_string, field, list);
    default:
        return mix_pieces(exchange, &item->pieces, field, list);
    }
}

bool prompt_native_lists(struct http_exchange *exchange, const struct native_prompt *prompt,
                         const char *field, const struct prompt_list **lists, size_t *count) {
    const struct native_prompt_items *items = &prompt->items;
    bool array = prompt->kind == NATIVE_PROMPT_ITEMS, mixed = false;
    for (size_t i = 0; array && i < items->count; i++)
        mixed |= items->items[i].kind == PROMPT_ITEM_TOKEN;
    *count = array && !mixed ? items->count : 1;
    struct prompt_list *made = arena_allocate(http_arena(exchange), *count * sizeof(*made));
    if (!made)
        return prompt_no_memory(exchange);
    *lists = made;
    if (mixed)
        return mix_items(exchange, items, field, made);
    if (!array)
        return prompt_encode(exchange,
                             prompt->kind == NATIVE_PROMPT_TEXT ? prompt->text
                                                                : prompt->object.prompt_string,
                             field, made);
    for (size_t i = 0; i < *count; i++)
        if (!one(exchange, &items->items[i], field, &made[i]))
            return false;
    return true;
}
