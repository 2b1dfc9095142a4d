/* The name of the one model, and whether it can answer yet. */
#include "served_model.h"

#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "engine.h"
#include "forward.h"
#include "image.h"
#include "model.h"
#include "model_image.h"

struct text served_model_name(void) {
    return (struct text){served_model->name, strlen(served_model->name)};
}

struct text served_model_fingerprint(void) {
    static char text[64];
    if (!text[0])
        snprintf(text, sizeof text, "%016llx-%s-%s", (unsigned long long)model_image_checksum(),
                 forward_instruction_set(), image_identity);
    return (struct text){text, strlen(text)};
}

bool served_model_is(struct http_exchange *exchange, struct text name) {
    if (text_equal(name, served_model_name()))
        return true;
    int shown = name.count < 80 ? (int)name.count : 80;
    http_error(exchange, 404, "invalid_request_error", "model",
               "the model '%.*s' does not exist; this appliance serves '%s'", shown, name.bytes,
               served_model->name);
    return false;
}

bool served_model_accepts(struct http_exchange *exchange, bool given, struct text name) {
    return !given || APPLIANCE_ANY_MODEL || served_model_is(exchange, name);
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
