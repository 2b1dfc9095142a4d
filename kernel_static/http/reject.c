/* What is wrong with a body of JSON, as an error. */
#include "http.h"
#include "json.h"

void http_reject(struct http_exchange *exchange, const struct json_reader *reader) {
    http_error(exchange, reader->status,
               reader->status >= 500 ? "server_error" : "invalid_request_error",
               reader->param[0] ? reader->param : NULL, "%s", reader->message);
}
