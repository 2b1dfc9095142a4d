/* POST /rerank and POST /infill, which the models here cannot do. */
#include "api/handlers.h"

void handle_rerank(struct http_exchange *exchange) {
    http_error(exchange, 501, "not_supported_error", NULL,
               "reranking needs a model that was trained to rank, which this one was not");
}

void handle_infill(struct http_exchange *exchange) {
    http_error(exchange, 501, "not_supported_error", NULL,
               "filling in needs a model with tokens for prefix, suffix and middle, which this one "
               "has not");
}
