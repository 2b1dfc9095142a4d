/* POST /tokenize and POST /detokenize. */
#include "api/handlers.h"
#include "coroutine.h"
#include "model.h"
#include "shared/long_answer.h"
#include "shared/respond.h"
#include "shared/served_model.h"
#include "tokenizer.h"
#include "utf8.h"

/* A text's tokens on their way to the client; lives in the exchange's arena. */
struct telling {
    struct long_answer answer;
    struct http_exchange *exchange;
    const int32_t *tokens;
    size_t count, told;
    bool pieces;
};

static bool byte(void *context, size_t index, int32_t *item) {
    *item = (uint8_t)((const struct text *)context)->bytes[index];
    return true;
}

static void write(struct buffer *body, int32_t token, bool with_piece) {
    struct text text = tokenizer_token(token);
    struct token_piece item = {.id = token};
    if (!with_piece) {
        json_write_integer(body, token);
        return;
    }
    if (utf8_valid(text))
        item.piece = (struct piece){.kind = PIECE_TEXT, .text = text};
    else
        item.piece = (struct piece){.kind = PIECE_BYTES, .bytes = {byte, &text, text.count}};
    token_piece_write(body, &item);
}

/* Tells tokens as far as the client reads. */
static void go_on(void *context) {
    struct telling *telling = context;
    while (telling->told < telling->count && !long_answer_waits(&telling->answer)) {
        write(long_answer_next(&telling->answer), telling->tokens[telling->told++],
              telling->pieces);
        if (!long_answer_flush(&telling->answer))
            return;
    }
    if (telling->told < telling->count) {
        http_on_drained(telling->exchange, go_on, telling);
    } else {
        http_on_gone(telling->exchange, NULL, NULL);
        long_answer_end(&telling->answer);
    }
}

static void client_gone(void *context) {
    struct telling *telling = context;
    long_answer_release(&telling->answer);
}

void handle_tokenize(struct http_exchange *exchange, const struct tokenize_request *request) {
    if (!served_model_ready(exchange))
        return;
    struct arena *arena = http_arena(exchange);
    size_t added = request->add_special && served_model->add_bos;
    struct telling *telling = arena_allocate(arena, sizeof(*telling));
    /* Counted first: there may be as many as bytes, but hardly ever are. */
    ptrdiff_t count = tokenizer_encode(request->content, request->parse_special, NULL, 0);
    int32_t *tokens =
        count < 0 ? NULL : arena_allocate(arena, (added + (size_t)count) * sizeof(*tokens));
    if (!telling || !tokens) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return;
    }
    if (added)
        tokens[0] = served_model->bos;
    count =
        tokenizer_encode(request->content, request->parse_special, tokens + added, (size_t)count);
    if (count < 0) {
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
        return;
    }
    *telling = (struct telling){.exchange = exchange,
                                .tokens = tokens,
                                .count = added + (size_t)count,
                                .pieces = request->with_pieces};
    struct tokenize_response none = {.tokens = {.kind = TOKEN_LIST_TOKENS}};
    struct buffer frame;
    respond_start(&frame);
    tokenize_response_write(&frame, &none);
    coroutine_stay(); /* the exchange is told to others now */
    long_answer_start(&telling->answer, exchange, &frame);
    http_on_gone(exchange, client_gone, telling);
    go_on(telling);
}

void handle_detokenize(struct http_exchange *exchange, const struct detokenize_request *request) {
    if (!served_model_ready(exchange))
        return;
    struct buffer text, body;
    respond_start(&text);
    for (size_t i = 0; i < request->tokens.count; i++) {
        coroutine_give_way();
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
