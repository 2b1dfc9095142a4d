/* GET /v1/models and GET /v1/models/{model}. */
#include "api/handlers.h"
#include "engine.h"
#include "model.h"
#include "shared/respond.h"
#include "platform.h"
#include "shared/served_model.h"

static struct model served(void) {
    static const char owner[] = "cllm";
    uint64_t up = clock_nanoseconds() / 1000000000;
    return (struct model){.id = served_model_name(),
                          .created = (int64_t)(clock_unix_seconds() - up),
                          .owned_by = {owner, sizeof(owner) - 1},
                          .meta = {.vocab_type = served_model->vocabulary_type,
                                   .n_vocab = (int64_t)served_model->vocabulary,
                                   .n_ctx = (int64_t)engine_context(),
                                   .n_ctx_train = (int64_t)served_model->context,
                                   .n_embd = (int64_t)served_model->width,
                                   .n_params = (int64_t)served_model->parameters,
                                   .size = (int64_t)served_model->weight_bytes}};
}

void handle_list_models(struct http_exchange *exchange) {
    struct model item = served();
    struct model_list list = {.data = {&item, 1}, .first_id = item.id, .last_id = item.id};
    struct buffer body;
    respond_start(&body);
    model_list_write(&body, &list);
    respond_json(exchange, 200, &body);
}

void handle_get_model(struct http_exchange *exchange,
                      const struct get_model_parameters *parameters) {
    if (!served_model_is(exchange, parameters->model))
        return;
    struct model item = served();
    struct buffer body;
    respond_start(&body);
    model_write(&body, &item);
    respond_json(exchange, 200, &body);
}
