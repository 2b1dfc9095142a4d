/* What is wrong with a body of JSON, as an error. */
#include "http.h"
#include "json.h"
#include "metrics.h"

void http_reject(struct http_exchange *exchange, const struct json_reader *reader) {
    metric_add(METRIC_LIMIT_REFUSALS_JSON_DEPTH, reader->depth > reader->depth_limit);
    http_error(exchange, reader->status,
               reader->status >= 500 ? "server_error" : "invalid_request_error",
               reader->param[0] ? reader->param : NULL, "%s", reader->message);
}
