/* POST /embedding, as llama.cpp's server answers it. */
#include "api/handlers.h"
#include "mathematics.h"
#include "model.h"
#include "shared/embedder.h"
#include "shared/served_model.h"

#define LARGEST 32760.0f /* what the largest value becomes where that is the norm */

/* The norm that `embd_normalize` names: 0 the largest value, else that power's. */
static float norm_of(const float *vector, size_t width, int64_t power) {
    float sum = 0;
    for (size_t i = 0; i < width; i++) {
        float value = vector[i] < 0 ? -vector[i] : vector[i];
        if (power == 0)
            sum = value > sum ? value : sum;
        else if (power == 1)
            sum += value;
        else if (value > 0)
            sum += math_pow(value, (float)power);
    }
    if (power == 0)
        return sum / LARGEST;
    return power == 1 || sum == 0 ? sum : math_pow(sum, 1 / (float)power);
}

static void write(struct buffer *body, const struct embedder *embedder, size_t index,
                  float *vector) {
    const struct native_embedding_request *request = embedder->request;
    size_t width = served_model->width;
    float norm = request->embd_normalize == 2 ? 1 : norm_of(vector, width, request->embd_normalize);
    for (size_t i = 0; norm > 0 && i < width; i++)
        vector[i] /= norm;
    struct native_embedding_embedding_item pooled = {vector, width};
    struct native_embedding item = {.index = (int64_t)index, .embedding = {&pooled, 1}};
    native_embedding_write(body, &item);
}

void handle_native_embedding(struct http_exchange *exchange,
                             const struct native_embedding_request *request) {
    struct embedder wanted = {.write = write, .request = request, .field = "content"};
    struct buffer frame;

    if (!request->has_content && !request->has_input) {
        http_error(exchange, 400, "invalid_request_error", "content", "'content' is required");
        return;
    }
    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !prompt_native_lists(exchange, request->has_content ? &request->content : &request->input,
                             "content", &wanted.inputs, &wanted.count))
        return;
    buffer_start(&frame, 16);
    buffer_append(&frame, "[]", 2);
    embedder_start(exchange, &wanted, &frame);
}
