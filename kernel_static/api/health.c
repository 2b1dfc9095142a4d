/* GET /health. */
#include "api/handlers.h"
#include "engine.h"
#include "shared/respond.h"
#include "shared/served_model.h"

void handle_health(struct http_exchange *exchange) {
    if (engine_state() == ENGINE_FAILED) {
        served_model_ready(exchange);
        return;
    }
    bool ready = engine_state() == ENGINE_READY;
    struct health state = {.status = ready ? HEALTH_STATUS_OK : HEALTH_STATUS_LOADING};
    struct buffer body;
    respond_start(&body);
    health_write(&body, &state);
    respond_json(exchange, ready ? 200 : 503, &body);
}
