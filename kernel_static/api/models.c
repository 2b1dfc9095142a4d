/* GET /v1/models and GET /v1/models/{model}. */
#include "api/handlers.h"
#include "shared/respond.h"
#include "platform.h"
#include "shared/served_model.h"

static struct model served(void) {
    static const char owner[] = "cllm";
    uint64_t up = clock_nanoseconds() / 1000000000;
    return (struct model){.id = served_model_name(),
                          .created = (int64_t)(clock_unix_seconds() - up),
                          .owned_by = {owner, sizeof(owner) - 1}};
}

void handle_list_models(struct http_exchange *exchange) {
    struct model item = served();
    struct model_list list = {.data = {&item, 1}};
    struct buffer body;
    respond_start(&body);
    model_list_write(&body, &list);
    respond_json(exchange, 200, &body);
}

void handle_get_model(struct http_exchange *exchange,
                      const struct get_model_parameters *parameters) {
    if (!served_model_accepts(exchange, true, parameters->model))
        return;
    struct model item = served();
    struct buffer body;
    respond_start(&body);
    model_write(&body, &item);
    respond_json(exchange, 200, &body);
}
