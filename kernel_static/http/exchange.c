/* What handlers may do with an exchange: http.h. */
#include "exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "log.h"
#include "panic.h"

static struct connection *connection_of(struct http_exchange *exchange) {
    return (struct connection *)exchange;
}

struct arena *http_arena(struct http_exchange *exchange) { return &exchange->arena; }

/* FNV-1a (Fowler, Noll, Vo) of the peer without its port. */
uint64_t http_client(const struct http_exchange *exchange) {
    const struct connection *connection = (const struct connection *)exchange;
    if (connection->closed)
        return 0;
    const char *peer = stream_peer(connection->stream);
    size_t count = strlen(peer);
    while (count && peer[count - 1] != ':')
        count--;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (unsigned char)peer[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void http_on_gone(struct http_exchange *exchange, void (*gone)(void *context), void *context) {
    exchange->gone = gone;
    exchange->gone_context = context;
}

/* The request's name: the client's, else one of ours. */
static struct text id_of(struct connection *connection) {
    struct text given = connection->parser.request.id;
    if (given.count)
        return given;
    if (!*connection->exchange.id)
        request_id_make(connection->exchange.id);
    return (struct text){connection->exchange.id, REQUEST_ID_SIZE - 1};
}

void http_retry_after(struct http_exchange *exchange, unsigned seconds) {
    exchange->retry_after = seconds ? seconds : 1;
}

struct text http_request_id(struct http_exchange *exchange) {
    return id_of(connection_of(exchange));
}

static bool is_head_request(const struct connection *connection) {
    return connection->parser.request.method == HTTP_HEAD;
}

/* Whose API the request is one of. */
static enum error_shape shape_of(const struct connection *connection) {
    const struct route *route = connection->match.route;
    return route ? route->errors : ERRORS_OPENAI;
}

/* Begins the answer: completes the head with what the connection knows and writes it. */
static void write_head(struct connection *connection, struct response_head *head) {
    kernel_assert(connection->exchange.state == EXCHANGE_OPEN);
    connection->exchange.status = head->status;
    connection->unbegun = !connection->output.count;
    head->close = connection_must_close(connection);
    head->keep_alive_said = connection->parser.request.minor == 0;
    head->id = id_of(connection);
    head->id_named_twice = shape_of(connection) == ERRORS_ANTHROPIC;
    if (connection->exchange.page_may_read)
        head->origin = connection->parser.request.origin;
    if (head->status == 429 || head->status == 503)
        head->retry_after = connection->exchange.retry_after;
    response_write_head(&connection->output, head);
}

/* The client left while the handler was halfway: nobody hears what it says, nor tells it. */
static bool is_dead(struct http_exchange *exchange) {
    bool dead = exchange->state == EXCHANGE_DEAD;
    if (dead)
        exchange->gone = NULL;
    return dead;
}

static void respond(struct http_exchange *exchange, struct response_head *head, const void *body) {
    struct connection *connection = connection_of(exchange);
    if (is_dead(exchange))
        return;
    write_head(connection, head);
    if (body && !is_head_request(connection))
        connection_append(connection, body, (size_t)head->length);
    connection_answered(connection);
}

void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type,
                  const void *body, size_t count) {
    struct response_head head = {
        .status = status, .framing = FRAMING_LENGTH, .length = count, .content_type = content_type};
    respond(exchange, &head, body);
}

void exchange_refuse_empty(struct http_exchange *exchange, const struct refusal *refusal,
                           uint32_t allowed) {
    struct response_head head = {
        .status = refusal->status, .extra = refusal->extra, .allowed = allowed};
    respond(exchange, &head, NULL);
}

static enum error_shape error_shape_of(struct http_exchange *exchange) {
    const struct route *route = connection_of(exchange)->match.route;
    return route ? route->errors : ERRORS_OPENAI;
}

void exchange_refuse(struct http_exchange *exchange, const struct refusal *refusal,
                     uint32_t allowed) {
    struct buffer body;
    buffer_start(&body, 4096);
    response_write_refusal(&body, refusal, error_shape_of(exchange));
    connection_of(exchange)->output.failed |= body.failed; /* which says so in its place */
    struct response_head head = {.status = refusal->status,
                                 .framing = FRAMING_LENGTH,
                                 .length = body.count,
                                 .content_type = "application/json",
                                 .extra = refusal->extra,
                                 .allowed = allowed};
    respond(exchange, &head, body.bytes);
    buffer_release(&body);
}

void http_error(struct http_exchange *exchange, unsigned status, const char *type,
                const char *param, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct refusal refusal = {.status = status, .type = type, .param = param, .message = message};
    exchange_refuse(exchange, &refusal, 0);
}

void http_error_more(struct http_exchange *exchange, unsigned status, const char *type,
                     const char *param, const char *more, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct refusal refusal = {
        .status = status, .type = type, .param = param, .message = message, .more = more};
    exchange_refuse(exchange, &refusal, 0);
}

void http_error_event(struct http_exchange *exchange, struct buffer *body, unsigned status,
                      const char *message) {
    struct refusal refusal = {.status = status, .message = message};
    enum error_shape shape = error_shape_of(exchange);
    buffer_format(body, shape == ERRORS_ANTHROPIC ? "event: error\ndata: " : "data: ");
    response_write_refusal(body, &refusal, shape);
    buffer_append(body, "\n\n", 2);
}

/* ---- streams ---- */

void http_stream_start(struct http_exchange *exchange, unsigned status, const char *content_type) {
    struct connection *connection = connection_of(exchange);
    if (exchange->state == EXCHANGE_DEAD)
        return; /* the first write says so */
    exchange->chunked = connection->parser.request.minor >= 1;
    if (!exchange->chunked)
        connection->parser.request.keep_alive = false; /* closing ends the body */
    struct response_head head = {.status = status,
                                 .framing = exchange->chunked ? FRAMING_CHUNKED : FRAMING_CLOSE,
                                 .content_type = content_type,
                                 .extra = "Cache-Control: no-cache\r\n"};
    write_head(connection, &head);
    exchange->state = EXCHANGE_STREAMING;
    connection_flush(connection);
}

bool http_stream_write(struct http_exchange *exchange, const void *bytes, size_t count) {
    struct connection *connection = connection_of(exchange);
    if (is_dead(exchange)) /* or memory ran out in an earlier call */
        return false;
    kernel_assert(exchange->state == EXCHANGE_STREAMING);
    if (!count || is_head_request(connection))
        return true;
    if (exchange->chunked)
        buffer_format(&connection->output, "%zx\r\n", count);
    connection_append(connection, bytes, count);
    if (exchange->chunked)
        connection_append(connection, "\r\n", 2);
    connection_flush(connection);
    if (connection->output.count > LIMIT_STREAM_BACKLOG_BYTES) {
        log_warn("http", "%s: reads its stream too slowly", stream_peer(connection->stream));
        metric_count(METRIC_LIMIT_REFUSALS_STREAM_BACKLOG_BYTES);
        connection_ends(connection, METRIC_CONNECTIONS_CLOSED_ANSWER_UNREAD);
        connection_abort(connection);
    }
    return exchange->state == EXCHANGE_STREAMING;
}

size_t http_stream_backlog(const struct http_exchange *exchange) {
    const struct connection *connection = (const struct connection *)exchange;
    return exchange->state == EXCHANGE_STREAMING ? connection->output.count : 0;
}

void http_on_drained(struct http_exchange *exchange, void (*drained)(void *context),
                     void *context) {
    exchange->drained = drained;
    exchange->drained_context = context;
}

void http_stream_cut(struct http_exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->state == EXCHANGE_DEAD)
        return;
    kernel_assert(exchange->state == EXCHANGE_STREAMING);
    log_warn("http", "%s: its stream was cut", stream_peer(connection->stream));
    connection_ends(connection, METRIC_CONNECTIONS_CLOSED_STREAM_CUT);
    connection_abort(connection);
}

void http_stream_end(struct http_exchange *exchange) {
    struct connection *connection = connection_of(exchange);
    if (exchange->state == EXCHANGE_DEAD)
        return;
    kernel_assert(exchange->state == EXCHANGE_STREAMING);
    if (exchange->chunked && !is_head_request(connection))
        connection_append(connection, "0\r\n\r\n", 5);
    connection_answered(connection);
}
