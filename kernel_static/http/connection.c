/* The life of a connection: bytes in, exchanges, bytes out, times. */
#include "connection.h"

#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "heap.h"
#include "log.h"
#include "method.h"
#include "platform.h"
#include "request_handling.h"

#define SECOND UINT64_C(1000000000)
#define OUTPUT_KEPT_BYTES 4096 /* of buffer, while nothing waits in it */
#define ARENA_BYTES (4 * (size_t)LIMIT_BODY_BYTES)

static struct connection *connections; /* all that are open */
static bool any_answered;              /* some are in EXCHANGE_ANSWERED */

static void enter(struct connection *connection, enum connection_phase phase, unsigned seconds) {
    connection->phase = phase;
    connection->deadline = seconds ? clock_nanoseconds() + seconds * SECOND : UINT64_MAX;
}

/* Awaits a request. */
static void make_ready(struct connection *connection) {
    struct http_exchange *exchange = &connection->exchange;
    arena_release(&exchange->arena);
    arena_start(&exchange->arena, ARENA_BYTES);
    exchange->state = EXCHANGE_NONE;
    exchange->gone = NULL;
    exchange->status = 0;
    connection->refusal = NULL;
    request_start(&connection->parser, &exchange->arena);
    enter(connection, PHASE_IDLE, LIMIT_IDLE_SECONDS);
}

void *connection_open(struct stream *stream) {
    struct connection *connection = heap_allocate(sizeof *connection);
    if (!connection)
        return NULL;
    *connection =
        (struct connection){.stream = stream, .next = connections, .output_deadline = UINT64_MAX};
    if (connections)
        connections->previous = connection;
    connections = connection;
    buffer_start(&connection->output, SIZE_MAX / 2);
    make_ready(connection);
    return connection;
}

void connection_closed(void *context) {
    struct connection *connection = context;
    connection_tell_gone(connection);
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        connections = connection->next;
    request_release(&connection->parser);
    arena_release(&connection->exchange.arena);
    buffer_release(&connection->output);
    heap_release(connection);
}

void connection_abort(struct connection *connection) {
    connection->exchange.state = EXCHANGE_DEAD;
    buffer_release(&connection->output);
    connection->output_deadline = UINT64_MAX;
    enter(connection, PHASE_CLOSING, 0); /* `closed` follows */
    stream_abort(connection->stream);
}

/* ---- out ---- */

void connection_append(struct connection *connection, const void *bytes, size_t count) {
    buffer_append(&connection->output, bytes, count);
}

void connection_flush(struct connection *connection) {
    struct buffer *output = &connection->output;
    if (output->failed && connection->exchange.state != EXCHANGE_DEAD) {
        log_warn("http", "%s: no memory for a response", stream_peer(connection->stream));
        connection_abort(connection);
        return;
    }
    size_t taken = stream_write(connection->stream, output->bytes, output->count);
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
        enter(connection, PHASE_CLOSING, LIMIT_IDLE_SECONDS); /* to read it, then a reset */
        stream_close(connection->stream);
    }
}

void connection_writable(void *context) { connection_flush(context); }

bool connection_must_close(const struct connection *connection) {
    return !connection->parser.request.keep_alive || connection->finished ||
           connection->parser.progress != REQUEST_COMPLETE;
}

/* Sends what waits, then FIN. */
static void close_when_sent(struct connection *connection) {
    enter(connection, PHASE_CLOSING, 0);
    connection_flush(connection);
}

void connection_log(const struct connection *connection) {
    const struct http_request *request = &connection->parser.request;
    uint64_t elapsed = clock_nanoseconds() - connection->exchange.started;
    bool known = request->method && request->path.count;
    char status[12] = "gone";
    if (connection->exchange.status)
        snprintf(status, sizeof status, "%u", connection->exchange.status);
    log_info("http", "%s %s %.*s %s %llu ms", stream_peer(connection->stream),
             known ? method_name(request->method) : "-", known ? (int)request->path.count : 1,
             known ? request->path.bytes : "-", status, (unsigned long long)(elapsed / 1000000));
}

/* Frees what the exchange held and awaits the next request. */
static void end_exchange(struct connection *connection) {
    bool last = connection_must_close(connection);
    make_ready(connection);
    if (last)
        close_when_sent(connection);
    else if (!connection->reading)
        stream_resume(connection->stream); /* a pipelined request may wait */
}

void connection_answered(struct connection *connection) {
    connection->exchange.state = EXCHANGE_ANSWERED;
    any_answered = true;
    connection_log(connection);
    connection_flush(connection);
}

bool connection_end_answered(void) {
    bool any = any_answered;
    any_answered = false;
    for (struct connection *connection = any ? connections : NULL; connection;
         connection = connection->next)
        if (connection->exchange.state == EXCHANGE_ANSWERED)
            end_exchange(connection);
    return any;
}

/* ---- in ---- */

/* Does what the parser's progress asks for; false if that is reading more. */
static bool advance(struct connection *connection) {
    switch (connection->parser.progress) {
    case REQUEST_HEAD_READY:
        connection_head_ready(connection);
        break;
    case REQUEST_COMPLETE:
        enter(connection, PHASE_ANSWER, 0);
        connection_dispatch(connection);
        break;
    case REQUEST_REFUSED:
        connection_refuse(connection, connection->parser.status, connection->parser.message);
        break;
    default:
        return false;
    }
    if (connection->exchange.state == EXCHANGE_ANSWERED)
        end_exchange(connection);
    return true;
}

size_t connection_receive(void *context, const uint8_t *bytes, size_t count) {
    struct connection *connection = context;
    struct http_exchange *exchange = &connection->exchange;
    size_t taken = 0;
    connection->reading = true;
    while (exchange->state == EXCHANGE_NONE && connection->phase != PHASE_CLOSING) {
        if (advance(connection))
            continue;
        if (taken == count)
            break;
        if (!connection->parser.started) {
            exchange->started = clock_nanoseconds();
            enter(connection, PHASE_REQUEST, LIMIT_REQUEST_SECONDS);
        }
        taken += request_feed(&connection->parser, bytes + taken, count - taken);
    }
    connection->reading = false;
    return connection->phase == PHASE_CLOSING ? count : taken;
}

void connection_finish(void *context) {
    struct connection *connection = context;
    enum exchange_state state = connection->exchange.state;
    connection->finished = true;
    if (state == EXCHANGE_OPEN || state == EXCHANGE_STREAMING) {
        connection_tell_gone(connection);
        connection_abort(connection);
    } else if (state == EXCHANGE_NONE && connection->phase != PHASE_CLOSING) {
        close_when_sent(connection);
    }
}

/* ---- times ---- */

static bool give_up(struct connection *connection, uint64_t now) {
    if (now < connection->deadline && now < connection->output_deadline)
        return false;
    if (now >= connection->output_deadline || connection->phase == PHASE_CLOSING) {
        log_debug("http", "%s: gave up", stream_peer(connection->stream));
        connection_tell_gone(connection);
        connection_abort(connection);
    } else if (connection->phase == PHASE_REQUEST) {
        connection_refuse(connection, 408, "The request took too long to arrive.");
    } else {
        close_when_sent(connection);
    }
    return true;
}

bool connection_check_times(uint64_t now) {
    bool any = false;
    for (struct connection *connection = connections, *next; connection; connection = next) {
        next = connection->next;
        any |= give_up(connection, now);
    }
    return any;
}
