/* The bottom of a connection: bytes out, times, its end. */
#include "connection.h"

#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "log.h"
#include "method.h"
#include "platform.h"

#define SECOND UINT64_C(1000000000)
#define OUTPUT_KEPT_BYTES 4096 /* of buffer, while nothing waits in it */

/* What is answered when there is no memory for a response. */
#define NO_MEMORY_BODY                                                                             \
    "{\"error\":{\"message\":\"The server is out of memory.\",\"type\":\"server_error\","          \
    "\"param\":null,\"code\":null}}"
_Static_assert(sizeof NO_MEMORY_BODY - 1 == 99, "as its Content-Length says");
#define NO_MEMORY_HEAD                                                                             \
    "HTTP/1.1 503 Service Unavailable\r\nServer: cllm\r\nX-Request-Id: %.*s\r\n"                   \
    "Retry-After: 1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"                   \
    "Connection: close\r\n\r\n%s"

void connection_enter(struct connection *connection, enum connection_phase phase,
                      unsigned seconds) {
    connection->phase = phase;
    connection->deadline = seconds ? clock_nanoseconds() + seconds * SECOND : UINT64_MAX;
}

void connection_append(struct connection *connection, const void *bytes, size_t count) {
    buffer_append(&connection->output, bytes, count);
}

void connection_ends(struct connection *connection, enum metric cause) {
    if (connection->cause == METRIC_CONNECTIONS_CLOSED_CLIENT)
        connection->cause = cause;
}

void connection_abort(struct connection *connection) {
    connection->exchange.state = EXCHANGE_DEAD;
    buffer_release(&connection->output);
    connection->output_deadline = UINT64_MAX;
    connection_enter(connection, PHASE_CLOSING, 0); /* `closed` follows */
    stream_abort(connection->stream);
}

/* Answers in place of the response that memory was too short for, without any; if part of it is out
 * already, the client can only be shown that it is not whole. */
static void answer_no_memory(struct connection *connection) {
    struct http_exchange *exchange = &connection->exchange;
    struct text id = http_request_id(exchange);
    char text[sizeof NO_MEMORY_HEAD + sizeof NO_MEMORY_BODY + REQUEST_ID_MOST];
    bool with_body = connection->parser.request.method != HTTP_HEAD;
    int count = snprintf(text, sizeof text, NO_MEMORY_HEAD, (int)id.count, id.bytes,
                         with_body ? NO_MEMORY_BODY : "");
    bool possible = connection->unbegun && stream_writable(connection->stream) >= (size_t)count;
    log_warn("http", "%s: no memory for a response", stream_peer(connection->stream));
    exchange->status = possible ? 503 : 0;
    if (!possible) {
        connection_abort(connection);
        return;
    }
    buffer_release(&connection->output);
    stream_write(connection->stream, text, (size_t)count);
    connection->parser.request.keep_alive = false;
    if (exchange->state == EXCHANGE_STREAMING) {
        exchange->state = EXCHANGE_DEAD;
        connection_close(connection);
    }
}

void connection_flush(struct connection *connection) {
    struct buffer *output = &connection->output;
    if (output->failed && connection->exchange.state != EXCHANGE_DEAD) {
        answer_no_memory(connection);
        return;
    }
    size_t taken = stream_write(connection->stream, output->bytes, output->count);
    connection->unbegun &= !taken;
    if (taken && taken < output->count)
        memmove(output->bytes, output->bytes + taken, output->count - taken);
    output->count -= taken;
    if (!output->count && output->capacity > OUTPUT_KEPT_BYTES)
        buffer_release(output);
    if (!output->count)
        connection->output_deadline = UINT64_MAX;
    else if (taken || connection->output_deadline == UINT64_MAX)
        connection->output_deadline = clock_nanoseconds() + LIMIT_IDLE_SECONDS * SECOND;
    if (!output->count && connection->phase == PHASE_CLOSING && !connection->close_sent) {
        connection->close_sent = true;
        connection_enter(connection, PHASE_CLOSING,
                         LIMIT_IDLE_SECONDS); /* to read it, then a reset */
        stream_close(connection->stream);
    }
}

void connection_close(struct connection *connection) {
    connection_enter(connection, PHASE_CLOSING, 0);
    connection_flush(connection);
}

bool connection_must_close(const struct connection *connection) {
    return !connection->parser.request.keep_alive || connection->finished ||
           connection->parser.progress != REQUEST_COMPLETE;
}

static void count_exchange(unsigned status) {
    metric_count(!status         ? METRIC_REQUESTS_LEFT
                 : status >= 500 ? METRIC_RESPONSES_5XX
                 : status >= 400 ? METRIC_RESPONSES_4XX
                                 : METRIC_RESPONSES_2XX);
}

/* Who wants to know all is told what probes ask all the time; everyone, that it is refused. */
static enum log_level level_of(const struct connection *connection) {
    const struct route *route = connection->match.route;
    bool quiet = route && route->quiet && connection->exchange.status / 100 != 4;
    return quiet ? LOG_DEBUG : LOG_INFO;
}

/* Counts an exchange, and writes the one line that the log has about it. */
static void log_exchange(const struct connection *connection) {
    count_exchange(connection->exchange.status);
    enum log_level level = level_of(connection);
    if (!log_has(level))
        return;
    const struct http_request *request = &connection->parser.request;
    uint64_t elapsed = clock_nanoseconds() - connection->exchange.started;
    bool known = request->method && request->path.count;
    char status[12] = "gone";
    if (connection->exchange.status)
        snprintf(status, sizeof status, "%u", connection->exchange.status);
    log_write(level, "http", "%s %s %.*s %s %llu ms", stream_peer(connection->stream),
              known ? method_name(request->method) : "-", known ? (int)request->path.count : 1,
              known ? request->path.bytes : "-", status, (unsigned long long)(elapsed / 1000000));
}

void connection_tell_gone(struct connection *connection) {
    struct http_exchange *exchange = &connection->exchange;
    bool unanswered = exchange->state == EXCHANGE_OPEN || exchange->state == EXCHANGE_STREAMING;
    void (*gone)(void *context) = exchange->gone;
    exchange->gone = NULL;
    if (unanswered) {
        exchange->state = EXCHANGE_DEAD;
        exchange->status = 0;
        log_exchange(connection);
        if (gone)
            gone(exchange->gone_context);
    }
}

void connection_answered(struct connection *connection) {
    connection->exchange.state = EXCHANGE_ANSWERED;
    connection_flush(connection);
    log_exchange(connection);
}
