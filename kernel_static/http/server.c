/* Connections from their opening to their end: the transport's callbacks, and times. */
#include <string.h>

#include "appliance.h"
#include "aside.h"
#include "authorization.h"
#include "connection.h"
#include "exposition.h"
#include "heap.h"
#include "http.h"
#include "log.h"
#include "origin.h"
#include "platform.h"
#include "request_handling.h"

#define ARENA_BYTES (6 * (size_t)LIMIT_BODY_BYTES)
#define SPARE_AFTER UINT64_C(1000000000) /* idle: a request that was sent has come by then */
#define REST_AFTER UINT64_C(1000000000)  /* idle: it may be so for long, and holds nothing then */
#define CHECK_NANOSECONDS UINT64_C(100000000) /* times are kept to a tenth of a second */

static struct connection *connections; /* all that are open */
static struct budget_pool pool = {.left = LIMIT_SHARED_BYTES};

/* Awaits a request. */
static void make_ready(struct connection *connection) {
    struct http_exchange *exchange = &connection->exchange;
    arena_release(&exchange->arena);
    arena_start(&exchange->arena, ARENA_BYTES);
    exchange->arena.budget = &connection->budget;
    exchange->state = EXCHANGE_NONE;
    exchange->gone = NULL;
    exchange->drained = NULL;
    exchange->status = 0;
    exchange->retry_after = 1;
    exchange->page_may_read = false;
    exchange->id[0] = 0;
    connection->refusal = NULL;
    request_start(&connection->parser, &exchange->arena);
    connection->idle_since = clock_nanoseconds();
    connection_enter(connection, PHASE_IDLE, LIMIT_IDLE_SECONDS);
}

static void *opened(struct stream *stream) {
    struct connection *connection = heap_allocate(sizeof *connection);
    if (!connection)
        return NULL;
    *connection = (struct connection){
        .stream = stream,
        .next = connections,
        .cause = METRIC_CONNECTIONS_CLOSED_CLIENT,
        .output_deadline = UINT64_MAX,
    };
    metric_count(METRIC_CONNECTIONS_OPENED);
    metric_count(METRIC_CONNECTIONS_OPEN);
    if (connections)
        connections->previous = connection;
    connections = connection;
    buffer_start(&connection->output, SIZE_MAX / 2);
    connection->budget = (struct budget){.pool = &pool, .own = LIMIT_OWN_BYTES};
    connection->output.budget = &connection->budget;
    make_ready(connection);
    return connection;
}

static void release(struct connection *connection) {
    request_release(&connection->parser);
    arena_release(&connection->exchange.arena);
    buffer_release(&connection->output);
    heap_release(connection);
}

static void closed(void *context) {
    struct connection *connection = context;
    connection_tell_gone(connection);
    connection->waits_aside = false;
    metric_count(connection->cause);
    metric_uncount(METRIC_CONNECTIONS_OPEN);
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        connections = connection->next;
    connection->closed = true;
    if (!aside_has(connection))
        release(connection);
}

/* Frees what the exchange held and awaits the next request. */
static void end_exchange(struct connection *connection) {
    bool last = connection_must_close(connection);
    make_ready(connection);
    if (last) {
        connection_ends(connection, METRIC_CONNECTIONS_CLOSED_ANSWERED);
        connection_close(connection);
    } else if (!connection->reading) {
        stream_resume(connection->stream); /* a pipelined request may wait */
    }
}

/* Exchanges that were answered end here, where no handler is on the stack any more. */
static bool end_answered(void) {
    bool any = false;
    for (struct connection *connection = connections; connection; connection = connection->next) {
        if (connection->exchange.state == EXCHANGE_ANSWERED && !aside_has(connection)) {
            end_exchange(connection);
            any = true;
        }
    }
    return any;
}

/* Handlers of large bodies go on. Of one whose client left meanwhile nothing is wanted. */
static bool go_on_aside(void) {
    struct connection *done;
    if (!aside_poll(connections, &done))
        return false;
    if (done && done->exchange.state == EXCHANGE_DEAD && done->exchange.gone) {
        done->exchange.gone(done->exchange.gone_context);
        done->exchange.gone = NULL;
    }
    if (done && done->closed)
        release(done);
    return true;
}

/* ---- in ---- */

/* Does what the parser's progress asks for; false if that is reading more. */
static bool advance(struct connection *connection) {
    switch (connection->parser.progress) {
    case REQUEST_HEAD_READY:
        connection_head_ready(connection);
        break;
    case REQUEST_COMPLETE:
        connection_enter(connection, PHASE_ANSWER, 0);
        if (connection->parser.body.count > ASIDE_BYTES && !connection->refusal)
            aside_take(connection);
        else
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

static size_t received(void *context, const uint8_t *bytes, size_t count) {
    struct connection *connection = context;
    struct http_exchange *exchange = &connection->exchange;
    size_t taken = 0;
    connection->reading = true;
    while (exchange->state == EXCHANGE_NONE && connection->phase != PHASE_CLOSING &&
           !connection->output.count) { /* who does not read its answers gets no more of them */
        if (advance(connection))
            continue;
        if (taken == count)
            break;
        if (!connection->parser.started) {
            exchange->started = clock_nanoseconds();
            metric_count(METRIC_REQUESTS);
            connection_enter(connection, PHASE_REQUEST, LIMIT_REQUEST_SECONDS);
        }
        taken += request_feed(&connection->parser, bytes + taken, count - taken);
    }
    connection->reading = false;
    return connection->phase == PHASE_CLOSING ? count : taken;
}

static void finished(void *context) {
    struct connection *connection = context;
    enum exchange_state state = connection->exchange.state;
    connection->finished = true;
    if (state == EXCHANGE_OPEN || state == EXCHANGE_STREAMING) {
        connection_tell_gone(connection);
        connection_abort(connection);
    } else if (state == EXCHANGE_NONE && connection->phase != PHASE_CLOSING) {
        connection_close(connection);
    }
}

static void tell_drained(struct http_exchange *exchange) {
    void (*drained)(void *context) = exchange->drained;
    exchange->drained = NULL;
    if (drained && exchange->state == EXCHANGE_STREAMING)
        drained(exchange->drained_context);
}

static void writable(void *context) {
    struct connection *connection = context;
    connection_flush(connection);
    if (connection->output.count)
        return;
    if (connection->phase == PHASE_IDLE)
        connection_enter(connection, PHASE_IDLE, LIMIT_IDLE_SECONDS);
    tell_drained(&connection->exchange);
    stream_resume(connection->stream); /* the rest of a request, or the next, may wait */
}

/* ---- making room ---- */

/* No part of a request has come, or the last answer is out and only the peer's FIN is awaited. */
static bool can_be_spared(const struct connection *connection) {
    bool idle = connection->phase == PHASE_IDLE && !connection->output.count;
    bool over = connection->phase == PHASE_CLOSING && connection->close_sent;
    return (idle || over) && stream_settled(connection->stream);
}

/* The connection that has been idle longest. */
static struct stream *spare(void) {
    uint64_t now = clock_nanoseconds(), longest = SPARE_AFTER;
    struct stream *stream = NULL;
    for (const struct connection *connection = connections; connection;
         connection = connection->next)
        if (now - connection->idle_since >= longest && can_be_spared(connection)) {
            longest = now - connection->idle_since;
            stream = connection->stream;
        }
    return stream;
}

/* ---- times ---- */

static bool give_up(struct connection *connection, uint64_t now) {
    bool sends = connection->phase == PHASE_IDLE && connection->output.count;
    if ((now < connection->deadline || sends) && now < connection->output_deadline)
        return false;
    if (now >= connection->output_deadline || connection->phase == PHASE_CLOSING) {
        log_debug("http", "%s: gave up", stream_peer(connection->stream));
        metric_count(METRIC_LIMIT_REFUSALS_IDLE_SECONDS);
        connection_ends(connection, METRIC_CONNECTIONS_CLOSED_ANSWER_UNREAD);
        connection_tell_gone(connection);
        connection_abort(connection);
    } else if (connection->phase == PHASE_REQUEST) {
        metric_count(METRIC_LIMIT_REFUSALS_REQUEST_SECONDS);
        connection_ends(connection, METRIC_CONNECTIONS_CLOSED_REQUEST_SLOW);
        connection_refuse(connection, 408, "The request took too long to arrive.");
    } else {
        metric_count(METRIC_LIMIT_REFUSALS_IDLE_SECONDS);
        connection_ends(connection, METRIC_CONNECTIONS_CLOSED_IDLE);
        connection_close(connection);
    }
    return true;
}

/* Without a request for a while: holds no memory but its own record. */
static void rest(struct connection *connection, uint64_t now) {
    bool idle = connection->phase == PHASE_IDLE && !connection->output.count;
    if (!idle || now - connection->idle_since < REST_AFTER)
        return;
    buffer_release(&connection->output);
    stream_rest(connection->stream);
}

static bool check_times(uint64_t now) {
    bool any = false;
    for (struct connection *connection = connections, *next; connection; connection = next) {
        next = connection->next;
        any |= give_up(connection, now);
        rest(connection, now);
    }
    return any;
}

/* ---- http.h ---- */

static void measure(void) {
    size_t count = 0, held = 0;
    for (const struct connection *connection = connections; connection;
         connection = connection->next) {
        count++;
        held += connection->budget.held;
    }
    metric_set(METRIC_HEAP_OWNED_CONNECTIONS, (uint64_t)count * sizeof(struct connection));
    metric_set(METRIC_HEAP_OWNED_REQUESTS, held);
    metric_set(METRIC_LIMIT_REFUSALS_SHARED_BYTES, pool.refusals);
}

bool http_start(void) {
    static const struct stream_events events = {
        .opened = opened,
        .received = received,
        .finished = finished,
        .writable = writable,
        .closed = closed,
        .spare = spare,
    };
    authorization_start();
    origin_start();
    request_id_start();
    exposition_provide(METRICS_HTTP, measure);
    return transport_start(&events);
}

bool http_poll(void) {
    static uint64_t next_check;
    uint64_t now = clock_nanoseconds();
    bool any = go_on_aside();
    any |= end_answered();
    if (now < next_check)
        return any;
    next_check = now + CHECK_NANOSECONDS;
    return check_times(now) || any;
}
