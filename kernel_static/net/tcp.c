/* The connection table, the callbacks to the upper layer and what it may ask for. */
#include "tcp.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "heap.h"
#include "log.h"
#include "metrics.h"
#include "protocols/ipv4.h"
#include "tcp_internal.h"

struct tcp *tcp_listen(struct net *net, struct ipv4 *ipv4, uint16_t port,
                       const struct tcp_limits *limits, const struct tcp_events *events) {
    struct tcp *tcp = heap_allocate(sizeof *tcp);
    struct tcp_connection *connections = heap_allocate(limits->connections * sizeof *connections);
    struct tcp_pending *pending = heap_allocate(limits->backlog * sizeof *pending);
    if (!tcp || !connections || !pending) {
        heap_release(tcp);
        heap_release(connections);
        heap_release(pending);
        log_error("tcp", "no memory for %zu connections", limits->connections);
        return NULL;
    }
    *tcp = (struct tcp){
        .net = net,
        .ipv4 = ipv4,
        .events = *events,
        .limits = *limits,
        .port = port,
        .connections = connections,
        .pending = pending,
    };
    memset(connections, 0, limits->connections * sizeof *connections);
    memset(pending, 0, limits->backlog * sizeof *pending);
    while (limits->receive_bytes >> tcp->receive_shift > UINT16_MAX)
        tcp->receive_shift++;
    net->random(net->context, &tcp->isn_key, sizeof tcp->isn_key);
    ipv4_register(ipv4, IPV4_PROTOCOL_TCP, false, tcp_input, tcp);
    return tcp;
}

struct tcp_connection *tcp_find(struct tcp *tcp, uint32_t address, uint16_t port) {
    for (size_t i = 0; i < tcp->limits.connections; i++) {
        struct tcp_connection *c = &tcp->connections[i];
        if (tcp_sends(c) && c->remote_address == address && c->remote_port == port)
            return c;
    }
    return NULL;
}

struct tcp_connection *tcp_free_slot(struct tcp *tcp) {
    for (size_t i = 0; i < tcp->limits.connections; i++)
        if (tcp->connections[i].state == TCP_FREE)
            return &tcp->connections[i];
    return NULL;
}

bool tcp_has_room(struct tcp *tcp) { return tcp_free_slot(tcp) || tcp->events.spare(); }

struct tcp_connection *tcp_make_room(struct tcp *tcp) {
    struct tcp_connection *c = tcp_free_slot(tcp);
    if (c)
        return c;
    c = tcp->events.spare();
    if (!c)
        return NULL;
    log_info("tcp", "%s: idle longest, makes room", c->peer);
    tcp->net->counters.tcp_spared++;
    tcp_abort(c);
    c->state = TCP_FREE;
    tcp->events.closed(c->context);
    return c;
}

static void release_buffers(struct tcp_connection *c) {
    heap_release(c->ring);
    heap_release(c->store);
    c->ring = c->store = NULL;
    c->ring_start = c->ring_count = c->kept = c->count = 0;
    c->gap_count = 0;
}

bool tcp_take_buffers(struct tcp_connection *c) {
    if (c->ring)
        return true;
    c->ring = heap_allocate(c->tcp->limits.send_bytes);
    c->store = heap_allocate(c->tcp->limits.receive_bytes);
    if (c->ring && c->store)
        return true;
    release_buffers(c);
    return false;
}

/* Makes a connection of a finished handshake. */
void tcp_establish(struct tcp *tcp, struct tcp_connection *c, const struct tcp_pending *pending) {
    uint32_t first_window = (uint32_t)tcp->limits.receive_bytes;
    if (first_window > UINT16_MAX)
        first_window = UINT16_MAX; /* a SYN's window is never scaled */
    bool scaled = pending->window_shift >= 0;
    *c = (struct tcp_connection){
        .tcp = tcp,
        .state = TCP_ESTABLISHED,
        .remote_address = pending->remote_address,
        .remote_port = pending->remote_port,
        .opening = true,
        .snd_una = pending->iss + 1,
        .snd_nxt = pending->iss + 1,
        .snd_max = pending->iss + 1,
        .recover = pending->iss + 1,
        .snd_wl1 = pending->irs,
        .snd_wl2 = pending->iss,
        .snd_shift = scaled ? (unsigned)pending->window_shift : 0,
        .rcv_shift = scaled ? tcp->receive_shift : 0,
        .mss = pending->mss,
        .rcv_nxt = pending->irs + 1,
        .rcv_adv = pending->irs + 1 + first_window,
        .retransmit_at = NET_NEVER,
        .persist_at = NET_NEVER,
        .linger_at = NET_NEVER,
        .keep_alive_at = net_now(tcp->net) + TCP_KEEP_ALIVE_IDLE,
    };
    snprintf(c->peer, sizeof c->peer, "%s:%u", address_format(c->remote_address).text,
             (unsigned)c->remote_port);
    tcp_congestion_start(c);
    tcp->net->counters.tcp_accepted++;
}

void tcp_gone(struct tcp_connection *c) {
    release_buffers(c);
    c->retransmit_at = c->persist_at = c->keep_alive_at = c->linger_at = NET_NEVER;
    c->output_due = c->ack_due = false;
    c->state = TCP_GONE;
}

void tcp_reset_all(struct tcp *tcp) {
    for (size_t i = 0; i < tcp->limits.connections; i++)
        if (tcp_sends(&tcp->connections[i]))
            tcp_gone(&tcp->connections[i]);
    memset(tcp->pending, 0, tcp->limits.backlog * sizeof *tcp->pending);
    memset(tcp->waits, 0, sizeof tcp->waits);
}

struct tcp_usage tcp_usage(const struct tcp *tcp) {
    struct tcp_usage usage = {0};
    for (size_t i = 0; i < tcp->limits.connections; i++) {
        const struct tcp_connection *c = &tcp->connections[i];
        usage.connections += c->state != TCP_FREE;
        usage.bytes += c->ring ? tcp->limits.send_bytes : 0;
        usage.bytes += c->store ? tcp->limits.receive_bytes : 0;
    }
    for (size_t i = 0; i < tcp->limits.backlog; i++)
        usage.pending += tcp->pending[i].used;
    for (size_t i = 0; i < TCP_WAITS; i++)
        usage.waiting += tcp->waits[i].used;
    return usage;
}

/* Offers what waits in order; data that arrives after tcp_close is acknowledged and dropped, so
 * that the peer still gets our last octets instead of a reset. */
static void offer(struct tcp_connection *c) {
    c->readable = false;
    if (!c->count)
        return;
    size_t taken = c->count;
    if (!c->fin_queued)
        taken = c->tcp->events.received(c->context, c->store + c->kept, c->count);
    if (tcp_sends(c))
        tcp_consume(c, taken < c->count ? taken : c->count);
}

/* Calls what is due. Each callback may close or abort the connection. */
static bool call_back(struct tcp_connection *c) {
    const struct tcp_events *events = &c->tcp->events;
    bool busy = false;
    if (c->opening && c->state != TCP_GONE) {
        c->opening = false;
        busy = true;
        c->context = events->opened(c);
        if (!c->context && tcp_sends(c))
            tcp_abort(c);
    }
    if (c->readable && tcp_sends(c)) {
        offer(c);
        busy = true;
    }
    if (c->finishing && !c->count && tcp_sends(c)) { /* after all that came before it */
        c->finishing = false;
        busy = true;
        if (!c->fin_queued)
            events->finished(c->context);
    }
    if (c->short_write && tcp_sends(c) && !c->fin_queued && tcp_writable(c)) {
        c->short_write = false;
        busy = true;
        events->writable(c->context);
    }
    if (c->state == TCP_GONE) {
        c->state = TCP_FREE;
        busy = true;
        if (c->context)
            events->closed(c->context);
    }
    return busy;
}

bool tcp_poll(struct tcp *tcp) {
    uint64_t now = net_now(tcp->net);
    bool busy = tcp_pending_timers(tcp, now);
    tcp_wait_timers(tcp, now);
    for (size_t i = 0; i < tcp->limits.connections; i++) {
        struct tcp_connection *c = &tcp->connections[i];
        if (c->state == TCP_FREE)
            continue;
        busy |= tcp_timers(c, now);
        busy |= call_back(c);
        if (tcp_sends(c) && (c->output_due || c->ack_due || tcp_window_opened(c))) {
            tcp_output(c);
            busy = true;
        }
    }
    return busy;
}

size_t tcp_writable(const struct tcp_connection *c) {
    return tcp_sends(c) && !c->fin_queued ? c->tcp->limits.send_bytes - c->ring_count : 0;
}

bool tcp_settled(const struct tcp_connection *c) {
    return !c->ring_count && !c->count && !c->gap_count;
}

size_t tcp_write(struct tcp_connection *c, const void *bytes, size_t count) {
    size_t room = tcp_writable(c), capacity = c->tcp->limits.send_bytes;
    if (count > room) {
        count = room;
        c->short_write = true;
        metric_count(METRIC_LIMIT_REFUSALS_TCP_SEND_BYTES);
    }
    if (!count || !tcp_take_buffers(c))
        return 0;
    size_t at = (c->ring_start + c->ring_count) % capacity;
    size_t first = count < capacity - at ? count : capacity - at;
    memcpy(c->ring + at, bytes, first);
    memcpy(c->ring, (const uint8_t *)bytes + first, count - first);
    c->ring_count += count;
    c->output_due = true;
    return count;
}

void tcp_close(struct tcp_connection *c) {
    if (!tcp_sends(c) || c->fin_queued)
        return;
    c->fin_queued = true;
    c->state = c->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1;
    c->linger_at = net_now(c->tcp->net) + TCP_LINGER;
    c->output_due = true;
    c->readable = true; /* drop what nobody will read */
}

void tcp_abort(struct tcp_connection *c) {
    if (!tcp_sends(c))
        return;
    tcp_send_reset(c);
    tcp_gone(c);
}

void tcp_resume(struct tcp_connection *c) { c->readable = true; }

void tcp_rest(struct tcp_connection *c) {
    if (tcp_settled(c))
        release_buffers(c);
}

const char *tcp_peer(const struct tcp_connection *c) { return c->peer; }
