/* TCP for a server (RFC 9293): what listens, and the connections it accepted. Nothing here opens a
 * connection, so SYN-SENT does not exist; urgent data is delivered in line.
 *
 * Left out on purpose: selective acknowledgment, timestamps, ECN, path MTU discovery, SYN cookies.
 *
 * Reading order: tcp_segment.c (bytes to meaning and back), tcp_handshake.c, tcp_input.c,
 * tcp_receive.c, tcp_wait.c, tcp_output.c, tcp_congestion.c, tcp_timer.c, tcp.c (the table and the
 * callbacks). Handlers are called from tcp_poll only, but for `spare`, and `closed` of what it
 * names: those also while a segment comes in. None is called from inside tcp_write, tcp_close or
 * tcp_abort. */
#pragma once

#include "ipv4.h"
#include "net.h"

struct tcp;
struct tcp_connection;

/* The same contract as transport.h's struct stream_events. */
struct tcp_events {
    void *(*opened)(struct tcp_connection *connection);
    size_t (*received)(void *context, const uint8_t *bytes, size_t count);
    void (*finished)(void *context);
    void (*writable)(void *context);
    void (*closed)(void *context);
    struct tcp_connection *(*spare)(void);
};

struct tcp_limits {
    size_t connections, backlog; /* accepted, and with unfinished handshake */
    size_t send_bytes,
        receive_bytes; /* buffers of each connection that is not at rest, from the heap */
};

/* Listens on `port`. `limits` and `events` are copied. Returns null, having logged why, when the
 * heap has no room for the tables. */
struct tcp *tcp_listen(struct net *net, struct ipv4 *ipv4, uint16_t port,
                       const struct tcp_limits *limits, const struct tcp_events *events);

/* Runs timers and callbacks and sends what is due; true if anything happened. */
bool tcp_poll(struct tcp *tcp);

/* When the next timer is due. */
uint64_t tcp_deadline(const struct tcp *tcp);

/* Resets every connection and forgets unfinished handshakes: the address has changed. */
void tcp_reset_all(struct tcp *tcp);

/* Tells what is in use: accepted, half-open, and in TIME-WAIT; bytes of heap in buffers. */
struct tcp_usage {
    size_t connections, pending, waiting, bytes;
};
struct tcp_usage tcp_usage(const struct tcp *tcp);

/* What transport.h says of stream_write, stream_writable, stream_settled, stream_close,
 * stream_abort, stream_resume, stream_rest and stream_peer. */
size_t tcp_write(struct tcp_connection *connection, const void *bytes, size_t count);
size_t tcp_writable(const struct tcp_connection *connection);
bool tcp_settled(const struct tcp_connection *connection);
void tcp_close(struct tcp_connection *connection);
void tcp_abort(struct tcp_connection *connection);
void tcp_resume(struct tcp_connection *connection);
void tcp_rest(struct tcp_connection *connection);
const char *tcp_peer(const struct tcp_connection *connection);
