/* The bound on bodies, and what is said when memory ran out while one was written. */
#include "respond.h"

#define BODY_LIMIT (8u << 20)

void respond_start(struct buffer *body) { buffer_start(body, BODY_LIMIT); }

void respond_text(struct http_exchange *exchange, unsigned status, const char *content_type,
                  struct buffer *body) {
    if (body->failed)
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the response");
    else
        http_respond(exchange, status, content_type, body->bytes, body->count);
    buffer_release(body);
}

void respond_json(struct http_exchange *exchange, unsigned status, struct buffer *body) {
    respond_text(exchange, status, "application/json", body);
}
