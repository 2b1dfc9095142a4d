/* POST /tokenize and POST /detokenize. */
#include "api/handlers.h"
#include "model.h"
#include "shared/respond.h"
#include "shared/served_model.h"
#include "tokenizer.h"
#include "utf8.h"

/* False if there is no memory for it. */
static bool piece_of(struct arena *arena, int32_t token, struct piece *piece) {
    struct text bytes = tokenizer_token(token);
    if (utf8_valid(bytes)) {
        *piece = (struct piece){.kind = PIECE_TEXT, .text = bytes};
        return true;
    }
    int64_t *items = arena_allocate(arena, bytes.count * sizeof(*items));
    for (size_t i = 0; items && i < bytes.count; i++)
        items[i] = (uint8_t)bytes.bytes[i];
    *piece = (struct piece){.kind = PIECE_BYTES, .bytes = {items, bytes.count}};
    return items != NULL;
}

/* False if there is no memory for it. */
static bool fill(struct arena *arena, const int32_t *tokens, size_t count, bool pieces,
                 struct token_list *value) {
    if (pieces) {
        struct token_piece *items = arena_allocate(arena, count * sizeof(*items));
        bool good = items != NULL;
        for (size_t i = 0; good && i < count; i++) {
            items[i].id = tokens[i];
            good = piece_of(arena, tokens[i], &items[i].piece);
        }
        *value = (struct token_list){.kind = TOKEN_LIST_PIECES, .pieces = {items, count}};
        return good;
    }
    int64_t *items = arena_allocate(arena, count * sizeof(*items));
    for (size_t i = 0; items && i < count; i++)
        items[i] = tokens[i];
    *value = (struct token_list){.kind = TOKEN_LIST_TOKENS, .tokens = {items, count}};
    return items != NULL;
}

void handle_tokenize(struct http_exchange *exchange, const struct tokenize_request *request) {
    if (!served_model_ready(exchange))
        return;
    struct arena *arena = http_arena(exchange);
    size_t most = request->content.count + 1;
    int32_t *tokens = arena_allocate(arena, most * sizeof(*tokens));
    struct tokenize_response response;
    ptrdiff_t count = -1;
    size_t added = 0;
    if (tokens) {
        if (request->add_special && served_model->add_bos)
            tokens[added++] = served_model->bos;
        count = tokenizer_encode(request->content, request->parse_special, tokens + added,
                                 most - added);
    }
    if (count < 0 ||
        !fill(arena, tokens, added + (size_t)count, request->with_pieces, &response.tokens)) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return;
    }
    struct buffer body;
    respond_start(&body);
    tokenize_response_write(&body, &response);
    respond_json(exchange, 200, &body);
}

void handle_detokenize(struct http_exchange *exchange, const struct detokenize_request *request) {
    if (!served_model_ready(exchange))
        return;
    struct buffer text, body;
    respond_start(&text);
    for (size_t i = 0; i < request->tokens.count; i++) {
        int64_t token = request->tokens.items[i];
        if ((uint64_t)token >= served_model->vocabulary) {
            buffer_release(&text);
            http_error(exchange, 400, "invalid_request_error", "tokens",
                       "'tokens[%u]' must be less than the vocabulary's %zu", (unsigned)i,
                       served_model->vocabulary);
            return;
        }
        struct text bytes = tokenizer_token((int32_t)token);
        buffer_append(&text, bytes.bytes, bytes.count);
    }
    struct detokenize_response response = {{text.bytes, text.count}};
    respond_start(&body);
    if (text.failed)
        body.failed = true;
    else
        detokenize_response_write(&body, &response);
    buffer_release(&text);
    respond_json(exchange, 200, &body);
}
