/* One client connection and the exchange that is on it. Requests that follow (pipelined) wait
 * unread in the transport until the exchange is over.
 *
 * The files of this folder stand on each other: grammar, method, path, date, request_id,
 * authorization and origin; the request's parser and the response's head; this; exchange;
 * request_handling; server, which the transport and the main loop call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "http.h"
#include "metrics.h"
#include "request.h"
#include "request_id.h"
#include "response.h"
#include "route.h"
#include "transport.h"

enum exchange_state {
    EXCHANGE_NONE,      /* a request is awaited or being read */
    EXCHANGE_OPEN,      /* with a handler, not answered */
    EXCHANGE_STREAMING, /* its response has begun */
    EXCHANGE_ANSWERED,  /* over, but who answered it has not returned to the main loop yet */
    EXCHANGE_DEAD,      /* the client is gone; nobody uses the exchange any more */
};

struct http_exchange {
    enum exchange_state state;
    struct arena arena;
    void (*gone)(void *context);
    void *gone_context;
    void (*drained)(void *context);
    void *drained_context;
    unsigned status;          /* of the response, for the log; 0: the client left before it */
    unsigned retry_after;     /* seconds, if the status is 429 or 503 */
    bool chunked;             /* the response is */
    bool page_may_read;       /* the request's Origin is allowed */
    uint64_t started;         /* clock_nanoseconds() at the request's first byte */
    char id[REQUEST_ID_SIZE]; /* for X-Request-Id, if the client sent none */
};

/* Why the connection may be given up, and when. */
enum connection_phase {
    PHASE_IDLE,    /* no byte of a request: closed quietly after LIMIT_IDLE_SECONDS */
    PHASE_REQUEST, /* part of a request: 408 after LIMIT_REQUEST_SECONDS */
    PHASE_ANSWER,  /* the handler's time; only a client that does not read is given up */
    PHASE_CLOSING, /* the last response is being sent; what still comes is dropped */
};

struct connection {
    struct http_exchange exchange; /* first: an exchange is its connection */
    struct stream *stream;
    struct connection *next, *previous;
    struct request_parser parser;
    struct route_match match;
    const struct refusal *refusal; /* answers the request once its body was read; null: dispatch */
    struct buffer output;          /* what the transport has not taken */
    struct budget budget;          /* of the request, the exchange's arena and the output */
    enum connection_phase phase;
    bool waits_aside;         /* for its turn to be handled (aside.h) */
    bool closed;              /* the stream is gone; the handler is still halfway */
    enum metric cause;        /* counted when the connection is over */
    bool reading;             /* a call of `received` is on the stack */
    bool finished;            /* the peer sends no more */
    bool close_sent;          /* stream_close was called */
    bool unbegun;             /* no byte of the answer is out, nor waits one of an earlier answer */
    uint64_t idle_since;      /* no request since then, if none is being read or answered */
    uint64_t deadline;        /* of the phase; UINT64_MAX: none */
    uint64_t output_deadline; /* by which the transport must take more; UINT64_MAX: none waits */
};

/* Goes on to a phase that may last so many seconds (0: any number). */
void connection_enter(struct connection *connection, enum connection_phase phase, unsigned seconds);

/* Appends to the output, without sending; then sends what the transport takes. */
void connection_append(struct connection *connection, const void *bytes, size_t count);
void connection_flush(struct connection *connection);

/* Sends what waits, then FIN. */
void connection_close(struct connection *connection);

/* Notes what ends the connection, if nothing was noted before. */
void connection_ends(struct connection *connection, enum metric cause);

/* Resets the connection; nothing more is heard from the exchange. */
void connection_abort(struct connection *connection);

/* Whether the response being written must be the connection's last. */
bool connection_must_close(const struct connection *connection);

/* The exchange was answered in full: sends and logs it. Its memory stays until the handler, or the
 * callback that answered it, has returned to the main loop. */
void connection_answered(struct connection *connection);

/* Tells the handler of an unanswered exchange, once, that its client is gone. */
void connection_tell_gone(struct connection *connection);
