/* What a handler may do with the exchange it was called for. Handlers are called with a parsed,
 * validated request and must either answer before returning or keep the exchange and answer later
 * (from the engine's callbacks); every exchange is answered exactly once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "text.h"

struct http_exchange;
struct json_reader;

/* Memory that lives until the exchange is over and the handler, or the callback that answered it,
 * has returned to the main loop; the parsed request lives here too. */
struct arena *http_arena(struct http_exchange *exchange);

/* Who asks, as a number: the same for all connections of one address. */
uint64_t http_client(const struct http_exchange *exchange);

/* One whole response. `content_type` is a literal. The body is copied. */
void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type,
                  const void *body, size_t count);

/* A response of unknown length: chunked (HTTP/1.1) or ended by closing (HTTP/1.0). */
void http_stream_start(struct http_exchange *exchange, unsigned status, const char *content_type);
/* Queues bytes. What the connection cannot take yet is buffered up to a bound. False means the
 * client is too slow for that bound: the exchange is over, must not be used again, and `gone` does
 * not follow. (A client that disconnects is told by `gone` only, never by false.) */
bool http_stream_write(struct http_exchange *exchange, const void *bytes, size_t count);
void http_stream_end(struct http_exchange *exchange);

/* Bytes that were written and are not taken by the connection yet; 0 before a stream starts. */
size_t http_stream_backlog(const struct http_exchange *exchange);

/* Calls `drained(context)` once, when the connection has taken all that was written to the stream
 * and room came free; not if nothing waits. */
void http_on_drained(struct http_exchange *exchange, void (*drained)(void *context), void *context);

/* Ends a stream that cannot be completed, in a way that no client takes for its end (a reset).
 * `gone` does not follow. */
void http_stream_cut(struct http_exchange *exchange);

/* An error in OpenAI's shape. `param` may be null. Formats as printf does. */
void http_error(struct http_exchange *exchange, unsigned status, const char *type,
                const char *param, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* In how many seconds a client that is answered 429 or 503 may try again, as Retry-After says (RFC
 * 9110 section 10.2.3); called before the answer. Without it, 1. */
void http_retry_after(struct http_exchange *exchange, unsigned seconds);

/* What the exchange is called in logs: X-Request-Id of the request, else of the answer. It lives as
 * long as the exchange. */
struct text http_request_id(struct http_exchange *exchange);

/* The same with more members in the error, JSON as `"n_ctx":5`. */
void http_error_more(struct http_exchange *exchange, unsigned status, const char *type,
                     const char *param, const char *more, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Appends an error to a stream's body, as an event in the shape that the route's errors have. */
void http_error_event(struct http_exchange *exchange, struct buffer *body, unsigned status,
                      const char *message);

/* The error that a reader of the request's body found (json.h). */
void http_reject(struct http_exchange *exchange, const struct json_reader *reader);

/* Calls `gone(context)` once if the client disconnects before the exchange is answered; the
 * exchange must not be used after that call returns. Null clears it. A client that only closes its
 * sending half (FIN) counts as gone too: one that gave up looks the same. */
void http_on_gone(struct http_exchange *exchange, void (*gone)(void *context), void *context);

/* Starts serving over the transport (transport_start with HTTP's callbacks). */
bool http_start(void);

/* Ends answered exchanges and keeps times; called from the main loop, never from a handler or a
 * callback. Returns true if anything happened. */
bool http_poll(void);
