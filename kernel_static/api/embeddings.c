/* POST /v1/embeddings. */
#include "api/handlers.h"
#include "mathematics.h"
#include "model.h"
#include "shared/embedder.h"
#include "shared/respond.h"
#include "shared/served_model.h"

static size_t width_of(const struct embedding_request *request) {
    return request->has_dimensions ? (size_t)request->dimensions : served_model->width;
}

/* Writes the leading dimensions, scaled to length 1 again if some were dropped. */
static void write(struct buffer *body, const struct embedder *embedder, size_t index,
                  float *vector) {
    const struct embedding_request *request = embedder->request;
    size_t width = width_of(request);
    float square = 0, scale = 1;
    for (size_t i = 0; i < width; i++)
        square += vector[i] * vector[i];
    if (width < served_model->width && square > 0)
        scale = 1 / math_sqrt(square);
    for (size_t i = 0; i < width; i++)
        vector[i] *= scale;
    struct embedding item = {.index = (int64_t)index};
    if (request->encoding_format == ENCODING_FORMAT_BASE64)
        item.embedding =
            (struct embedding_vector){.kind = EMBEDDING_VECTOR_BASE64,
                                      .base64 = {(const char *)vector, width * sizeof(float)}};
    else
        item.embedding =
            (struct embedding_vector){.kind = EMBEDDING_VECTOR_FLOATS, .floats = {vector, width}};
    embedding_write(body, &item);
}

void handle_create_embeddings(struct http_exchange *exchange,
                              const struct embedding_request *request) {
    struct embedder wanted = {.write = write, .request = request, .field = "input"};
    int64_t tokens = 0;
    struct buffer frame;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !prompt_lists(exchange, &request->input, "input", &wanted.inputs, &wanted.count))
        return;
    if (width_of(request) > served_model->width) {
        http_error(exchange, 400, "invalid_request_error", "dimensions",
                   "'dimensions' must be at most the model's width, %zu", served_model->width);
        return;
    }
    for (size_t i = 0; i < wanted.count; i++)
        tokens += (int64_t)wanted.inputs[i].count;
    struct embedding_list list = {.model = served_model_name(),
                                  .usage = {.prompt_tokens = tokens, .total_tokens = tokens}};
    respond_start(&frame);
    embedding_list_write(&frame, &list);
    embedder_start(exchange, &wanted, &frame);
}
