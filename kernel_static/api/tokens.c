/* POST /tokenize and POST /detokenize. */
#include "api/handlers.h"
#include "coroutine.h"
#include "model.h"
#include "shared/respond.h"
#include "shared/served_model.h"
#include "tokenizer.h"
#include "utf8.h"

static bool make_token(void *context, size_t index, int32_t *item) {
    *item = ((const int32_t *)context)[index];
    return true;
}

/* One byte of a token's text; the context is the token. */
static bool make_byte(void *context, size_t index, int32_t *item) {
    *item = (uint8_t)tokenizer_token(*(const int32_t *)context).bytes[index];
    return true;
}

static bool make_piece(void *context, size_t index, struct token_piece *item) {
    int32_t *token = (int32_t *)context + index;
    struct text text = tokenizer_token(*token);
    item->id = *token;
    if (utf8_valid(text))
        item->piece = (struct piece){.kind = PIECE_TEXT, .text = text};
    else
        item->piece = (struct piece){.kind = PIECE_BYTES, .bytes = {make_byte, token, text.count}};
    return true;
}

void handle_tokenize(struct http_exchange *exchange, const struct tokenize_request *request) {
    if (!served_model_ready(exchange))
        return;
    /* Counted first, so that they lie in no more room than they need. */
    size_t added = request->add_special && served_model->add_bos;
    ptrdiff_t count = tokenizer_encode(request->content, request->parse_special, NULL, 0);
    int32_t *tokens = NULL;
    if (count >= 0)
        tokens = arena_allocate(http_arena(exchange), (added + (size_t)count) * sizeof(*tokens));
    if (tokens)
        count = tokenizer_encode(request->content, request->parse_special, tokens + added,
                                 (size_t)count);
    if (!tokens || count < 0) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return;
    }
    if (added)
        tokens[0] = served_model->bos;
    size_t all = added + (size_t)count;
    struct tokenize_response response = {.tokens = {.kind = TOKEN_LIST_TOKENS}};
    response.tokens.tokens = (struct token_list_tokens){make_token, tokens, all};
    if (request->with_pieces) {
        response.tokens.kind = TOKEN_LIST_PIECES;
        response.tokens.pieces = (struct token_list_pieces){make_piece, tokens, all};
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
        coroutine_give_way();
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
