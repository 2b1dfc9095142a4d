/* GET /metrics. */
#include "api/handlers.h"
#include "exposition.h"
#include "shared/respond.h"

void handle_metrics(struct http_exchange *exchange) {
    struct buffer body;
    respond_start(&body);
    exposition_write(&body);
    respond_text(exchange, 200, EXPOSITION_CONTENT_TYPE, &body);
}
