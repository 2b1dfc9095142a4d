/* POST /v1/embeddings. */
#include "shared/answer.h"
#include "api/handlers.h"
#include "mathematics.h"
#include "model.h"
#include "shared/prompt.h"
#include "shared/respond.h"
#include "shared/served_model.h"

/* One exchange; lives in its arena. */
struct embedder {
    struct http_exchange *exchange;
    const struct embedding_request *request;
    const struct prompt_list *inputs;
    size_t count, current;
    size_t width;   /* floats kept of each vector */
    float *vectors; /* count * width */
    struct embedding *items;
    struct job *job;
};

static void client_gone(void *context) {
    struct embedder *embedder = context;
    engine_cancel(embedder->job);
}

/* Keeps the leading `width` dimensions, scaled to length 1 again if some were dropped. */
static void keep(const float *vector, size_t width, float *kept) {
    float square = 0, scale = 1;
    for (size_t i = 0; i < width; i++)
        square += vector[i] * vector[i];
    if (width < served_model->width && square > 0)
        scale = 1 / math_sqrt(square);
    for (size_t i = 0; i < width; i++)
        kept[i] = vector[i] * scale;
}

static void respond(struct embedder *embedder) {
    bool base64 = embedder->request->encoding_format == ENCODING_FORMAT_BASE64;
    size_t tokens = 0, width = embedder->width;
    struct buffer body;

    for (size_t i = 0; i < embedder->count; i++) {
        const float *vector = embedder->vectors + i * width;
        struct embedding *item = &embedder->items[i];
        tokens += embedder->inputs[i].count;
        item->index = (int64_t)i;
        if (base64)
            item->embedding =
                (struct embedding_vector){.kind = EMBEDDING_VECTOR_BASE64,
                                          .base64 = {(const char *)vector, width * sizeof(float)}};
        else
            item->embedding = (struct embedding_vector){.kind = EMBEDDING_VECTOR_FLOATS,
                                                        .floats = {vector, width}};
    }
    struct embedding_list list = {
        .data = {embedder->items, embedder->count},
        .model = served_model_name(),
        .usage = {.prompt_tokens = (int64_t)tokens, .total_tokens = (int64_t)tokens}};
    respond_start(&body);
    embedding_list_write(&body, &list);
    respond_json(embedder->exchange, 200, &body);
}

static enum submit_error submit(struct embedder *embedder);

static void vector_came(void *context, const float *vector) {
    struct embedder *embedder = context;
    enum submit_error error = SUBMIT_OK;

    if (vector) {
        keep(vector, embedder->width, embedder->vectors + embedder->current * embedder->width);
        if (++embedder->current < embedder->count) {
            error = submit(embedder);
            if (!error)
                return;
        }
    }
    http_on_gone(embedder->exchange, NULL, NULL);
    if (embedder->current == embedder->count)
        respond(embedder);
    else if (error)
        answer_refuse(embedder->exchange, error, "input");
    else
        http_error(embedder->exchange, 500, "server_error", NULL, "the model failed");
}

static enum submit_error submit(struct embedder *embedder) {
    const struct prompt_list *input = &embedder->inputs[embedder->current];
    struct pooling_request request = {.client = http_client(embedder->exchange),
                                      .tokens = input->tokens,
                                      .token_count = input->count,
                                      .done = vector_came,
                                      .context = embedder,
                                      .continues = embedder->current > 0};
    return engine_embed(&request, &embedder->job);
}

void handle_create_embeddings(struct http_exchange *exchange,
                              const struct embedding_request *request) {
    struct arena *arena = http_arena(exchange);
    const struct prompt_list *inputs;
    size_t count;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !prompt_lists(exchange, &request->input, "input", &inputs, &count))
        return;
    if (request->has_dimensions && (uint64_t)request->dimensions > served_model->width) {
        http_error(exchange, 400, "invalid_request_error", "dimensions",
                   "'dimensions' must be at most the model's width, %zu", served_model->width);
        return;
    }
    size_t width = request->has_dimensions ? (size_t)request->dimensions : served_model->width;
    struct embedder *embedder = arena_allocate(arena, sizeof(*embedder));
    float *vectors = arena_allocate(arena, count * width * sizeof(*vectors));
    struct embedding *items = arena_allocate(arena, count * sizeof(*items));
    enum submit_error error = SUBMIT_NO_MEMORY;
    if (embedder && vectors && items) {
        *embedder = (struct embedder){.exchange = exchange,
                                      .request = request,
                                      .inputs = inputs,
                                      .count = count,
                                      .width = width,
                                      .vectors = vectors,
                                      .items = items};
        error = submit(embedder);
    }
    if (error)
        answer_refuse(exchange, error, "input");
    else
        http_on_gone(exchange, client_gone, embedder);
}
