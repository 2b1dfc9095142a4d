/* The name of the one model, and whether it can answer yet. */
#include "served_model.h"

#include <string.h>

#include "engine.h"
#include "model.h"

struct text served_model_name(void) {
    return (struct text){served_model->name, strlen(served_model->name)};
}

bool served_model_accepts(struct http_exchange *exchange, bool given, struct text name) {
    if (!given || text_equal(name, served_model_name()))
        return true;
    int shown = name.count < 80 ? (int)name.count : 80;
    http_error(exchange, 404, "invalid_request_error", "model",
               "the model '%.*s' does not exist; this appliance serves '%s'", shown, name.bytes,
               served_model->name);
    return false;
}

bool served_model_ready(struct http_exchange *exchange) {
    if (engine_state() == ENGINE_READY)
        return true;
    http_error(exchange, 503, "server_error", NULL,
               engine_state() == ENGINE_LOADING
                   ? "the model is still loading; GET /health answers 200 when it is ready"
                   : "the model could not be loaded; the console's log says why");
    return false;
}
