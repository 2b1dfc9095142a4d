/* Streams over the host's non-blocking TCP sockets, one slot of bounded buffers per connection. */
#define _GNU_SOURCE /* accept4, ppoll */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "appliance.h"
#include "command_line.h"
#include "heap.h"
#include "host.h"
#include "log.h"
#include "metrics.h"
#include "platform.h"
#include "transport.h"

#define PORT_DEFAULT 8080

struct stream {
    int socket; /* -1: the slot is free */
    void *context;
    uint8_t *received; /* LIMIT_TCP_RECEIVE_BYTES; the first received_count wait; null at rest */
    uint8_t *sending;  /* LIMIT_TCP_SEND_BYTES; the first sending_count wait; null at rest */
    size_t received_count, sending_count;
    bool offer;            /* unconsumed bytes are to be offered again */
    bool end_seen;         /* the peer's FIN was read */
    bool end_told;         /* and the upper layer knows */
    bool write_fell_short; /* `writable` is owed */
    bool closing;          /* FIN once everything is sent */
    bool shut;             /* FIN was sent */
    bool broken;           /* reset, failed or aborted: `closed` is owed */
    char peer[sizeof "255.255.255.255:65535"];
};

static const struct stream_events *events;
static struct stream streams[LIMIT_CONNECTIONS];
static size_t extent; /* slots from here on are free */
static int listener = -1;
static bool crowded; /* no slot is free, and no stream could be spared when last asked */

/* ---- buffers ---- */

#define BUFFERS_BYTES (LIMIT_TCP_RECEIVE_BYTES + LIMIT_TCP_SEND_BYTES)

static void release_buffers(struct stream *stream) {
    bool both = stream->received && stream->sending;
    metric_values[METRIC_HEAP_OWNED_TRANSPORT] -= both ? BUFFERS_BYTES : 0;
    heap_release(stream->received);
    heap_release(stream->sending);
    stream->received = stream->sending = NULL;
    stream->received_count = stream->sending_count = 0;
}

/* False if the heap has no room for them. */
static bool take_buffers(struct stream *stream) {
    if (stream->received)
        return true;
    stream->received = heap_allocate(LIMIT_TCP_RECEIVE_BYTES);
    stream->sending = heap_allocate(LIMIT_TCP_SEND_BYTES);
    if (!stream->received || !stream->sending) {
        release_buffers(stream);
        return false;
    }
    metric_add(METRIC_HEAP_OWNED_TRANSPORT, BUFFERS_BYTES);
    return true;
}

/* ---- calls from the upper layer ---- */

/* Sends what waits, as far as the host takes it. True if any byte went. */
static bool flush(struct stream *stream) {
    size_t sent = 0;
    while (!stream->broken && sent < stream->sending_count) {
        ssize_t count = send(stream->socket, stream->sending + sent, stream->sending_count - sent,
                             MSG_NOSIGNAL);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            stream->broken = true;
    }
    stream->sending_count -= sent;
    if (sent && stream->sending_count)
        memmove(stream->sending, stream->sending + sent, stream->sending_count);
    if (stream->closing && !stream->shut && !stream->sending_count && !stream->broken) {
        shutdown(stream->socket, SHUT_WR);
        stream->shut = true;
    }
    return sent > 0;
}

size_t stream_writable(const struct stream *stream) {
    return stream->closing || stream->broken ? 0 : LIMIT_TCP_SEND_BYTES - stream->sending_count;
}

size_t stream_write(struct stream *stream, const void *bytes, size_t count) {
    size_t taken = 0;
    while (taken < count && take_buffers(stream)) {
        size_t room = stream_writable(stream), part = count - taken < room ? count - taken : room;
        memcpy(stream->sending + stream->sending_count, (const uint8_t *)bytes + taken, part);
        stream->sending_count += part;
        taken += part;
        if (!flush(stream) && stream->sending_count == LIMIT_TCP_SEND_BYTES)
            break;
        if (stream->broken || stream->closing)
            break;
    }
    stream->write_fell_short |= taken < count;
    metric_add(METRIC_LIMIT_REFUSALS_TCP_SEND_BYTES, taken < count);
    return taken;
}

bool stream_settled(const struct stream *stream) {
    int unread = 0, unacknowledged = 0;
    ioctl(stream->socket, SIOCINQ, &unread);
    ioctl(stream->socket, SIOCOUTQ, &unacknowledged);
    return !stream->sending_count && !stream->received_count && !unread && !unacknowledged;
}

void stream_close(struct stream *stream) {
    stream->closing = true;
    flush(stream);
}

void stream_abort(struct stream *stream) {
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* close() will send RST */
    setsockopt(stream->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    stream->broken = true;
}

void stream_resume(struct stream *stream) { stream->offer = true; }

void stream_rest(struct stream *stream) {
    if (!stream->sending_count && !stream->received_count)
        release_buffers(stream);
}

const char *stream_peer(const struct stream *stream) { return stream->peer; }

/* ---- the listening socket ---- */

/* The address to listen on: `ip=`, else loopback. */
static struct in_addr listen_address(void) {
    struct text text = command_line_value("ip");
    struct in_addr address = {.s_addr = htonl(INADDR_LOOPBACK)};
    char copy[sizeof "255.255.255.255"] = "";
    if (!text.bytes)
        return address;
    if (text.count < sizeof copy)
        memcpy(copy, text.bytes, text.count);
    if (inet_pton(AF_INET, copy, &address) != 1)
        command_line_refuse("ip", "an address of this host, such as 127.0.0.1");
    return address;
}

bool transport_start(const struct stream_events *callbacks) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    char name[INET_ADDRSTRLEN];
    int yes = 1;
    address.sin_addr = listen_address();
    address.sin_port = htons((uint16_t)command_line_number("port", 0, UINT16_MAX, PORT_DEFAULT));
    inet_ntop(AF_INET, &address.sin_addr, name, sizeof name);
    events = callbacks;
    for (size_t i = 0; i < LIMIT_CONNECTIONS; i++)
        streams[i].socket = -1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, LIMIT_BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        log_error("transport", "cannot listen on %s:%u: %s", name, ntohs(address.sin_port),
                  strerror(errno));
        return false;
    }
    log_info("transport", "listening on http://%s:%u", name, ntohs(address.sin_port));
    return true;
}

static void release(struct stream *stream) {
    close(stream->socket);
    release_buffers(stream);
    *stream = (struct stream){.socket = -1};
    while (extent && streams[extent - 1].socket < 0)
        extent--;
}

/* False if no client waits. */
static bool accept_into(struct stream *stream) {
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof peer;
    char name[INET_ADDRSTRLEN];
    int yes = 1;
    int socket = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0)
        return false;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *stream = (struct stream){.socket = socket};
    if (stream >= &streams[extent])
        extent = (size_t)(stream - streams) + 1;
    inet_ntop(AF_INET, &peer.sin_addr, name, sizeof name);
    snprintf(stream->peer, sizeof stream->peer, "%s:%u", name, ntohs(peer.sin_port));
    stream->context = events->opened(stream);
    if (!stream->context) {
        log_warn("transport", "no memory for %s", stream->peer);
        stream_abort(stream);
        release(stream);
    }
    return true;
}

/* ---- the main loop's side ---- */

/* Offers what waits until the upper layer stops taking it. */
static void offer(struct stream *stream) {
    size_t at = 0, taken = 1;
    stream->offer = false;
    while (at < stream->received_count && taken && !stream->broken) {
        taken =
            events->received(stream->context, stream->received + at, stream->received_count - at);
        at += taken;
    }
    stream->received_count -= at;
    if (at && stream->received_count)
        memmove(stream->received, stream->received + at, stream->received_count);
}

static void receive(struct stream *stream) {
    if (!take_buffers(stream)) {
        log_warn("transport", "no memory for %s", stream->peer);
        stream_abort(stream);
        return;
    }
    size_t room = LIMIT_TCP_RECEIVE_BYTES - stream->received_count;
    ssize_t count = recv(stream->socket, stream->received + stream->received_count, room, 0);
    if (count > 0) {
        stream->received_count += (size_t)count;
        metric_add(METRIC_LIMIT_REFUSALS_TCP_RECEIVE_BYTES,
                   stream->received_count == LIMIT_TCP_RECEIVE_BYTES);
        stream->offer = true;
    } else if (count == 0) {
        stream->end_seen = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        stream->broken = true;
    }
}

static bool wants_receive(const struct stream *stream) {
    return !stream->end_seen && stream->received_count < LIMIT_TCP_RECEIVE_BYTES;
}

static bool wants_send(const struct stream *stream) { return stream->sending_count > 0; }

/* Whether the stream needs attention although its socket is quiet. */
static bool has_work(const struct stream *stream) {
    return stream->broken || stream->offer || (stream->shut && stream->end_seen) ||
           (stream->end_seen && !stream->end_told && !stream->received_count) ||
           (stream->write_fell_short && stream_writable(stream));
}

static void serve(struct stream *stream, short ready) {
    if ((ready & (POLLERR | POLLNVAL)) || ((ready & POLLHUP) && stream->end_seen))
        stream->broken = true;
    if (!stream->broken && (ready & (POLLIN | POLLHUP)) && wants_receive(stream))
        receive(stream);
    if (!stream->broken && wants_send(stream))
        flush(stream);
    if (stream->offer && !stream->broken)
        offer(stream);
    if (!stream->broken && stream->write_fell_short && stream_writable(stream)) {
        stream->write_fell_short = false;
        events->writable(stream->context);
    }
    if (!stream->broken && stream->end_seen && !stream->end_told && !stream->received_count) {
        stream->end_told = true;
        events->finished(stream->context);
    }
    if (stream->broken || (stream->shut && stream->end_seen)) {
        events->closed(stream->context);
        release(stream);
    }
}

/* Makes a slot free, if a stream can be spared. */
static void make_room(void) {
    struct stream *stream = events->spare();
    crowded = !stream;
    if (!stream)
        return;
    log_info("transport", "%s: idle longest, makes room", stream->peer);
    metric_count(METRIC_LIMIT_REFUSALS_CONNECTIONS);
    stream_abort(stream);
    events->closed(stream->context);
    release(stream);
}

/* The first free slot, or null. */
static struct stream *free_slot(void) {
    for (size_t i = 0; i < LIMIT_CONNECTIONS; i++)
        if (streams[i].socket < 0)
            return &streams[i];
    return NULL;
}

/* Fills `waits` (one per slot below `extent`, then the listener); true if a stream has work right
 * now.
 */
static bool gather(struct pollfd waits[LIMIT_CONNECTIONS + 1]) {
    bool work = false;
    for (size_t i = 0; i < extent; i++) {
        const struct stream *stream = &streams[i];
        waits[i] = (struct pollfd){.fd = stream->socket};
        if (stream->socket < 0)
            continue;
        waits[i].events =
            (short)((wants_receive(stream) ? POLLIN : 0) | (wants_send(stream) ? POLLOUT : 0));
        work |= has_work(stream);
    }
    waits[extent] = (struct pollfd){.fd = crowded ? -1 : listener, .events = POLLIN};
    return work;
}

/* Accepts as long as there are clients and places for them. */
static void accept_all(void) {
    struct stream *slot = free_slot();
    while (slot && accept_into(slot))
        slot = free_slot();
}

bool transport_poll(void) {
    struct pollfd waits[LIMIT_CONNECTIONS + 1];
    crowded = false;
    bool busy = gather(waits);
    size_t count = extent;
    int ready = poll(waits, count + 1, 0);
    bool knocks = waits[count].revents;
    if (knocks && !free_slot())
        make_room();
    if (!busy && ready <= crowded)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct stream *stream = &streams[i];
        if (stream->socket >= 0 && (waits[i].revents || has_work(stream)))
            serve(stream, waits[i].revents);
    }
    if (knocks)
        accept_all();
    return true;
}

uint64_t transport_deadline(void) { return UINT64_MAX; }

void host_wait(uint64_t deadline) {
    struct pollfd waits[LIMIT_CONNECTIONS + 1];
    uint64_t now = clock_nanoseconds();
    if (platform_stop_requested() || gather(waits) || deadline <= now)
        return;
    struct timespec most = {.tv_sec = 1};
    if (deadline - now < UINT64_C(1000000000))
        most = (struct timespec){.tv_nsec = (long)(deadline - now)};
    ppoll(waits, extent + 1, &most, NULL);
}
