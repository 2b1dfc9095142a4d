/* From SYN to a connection. A half-open handshake costs one small entry; buffers come with the
 * ACK that ends it. */
#include "network_order.h"
#include "tcp_internal.h"

/* When the backlog is full, a newcomer may push out an entry that has waited this long: a client
 * that is there has answered by then, and what a flood leaves behind is gone as soon as somebody
 * needs its place. */
#define EVICTION_AGE (3 * NET_SECOND)

/* RFC 6528: a clock of 4 microseconds, so that numbers of one pair of ports rise, plus a keyed
 * hash of that pair. */
static uint32_t initial_sequence(struct tcp *tcp, const struct tcp_segment *segment) {
    uint8_t pair[12];
    network_store32(pair, tcp->ipv4->address);
    network_store32(pair + 4, segment->remote_address);
    network_store16(pair + 8, segment->local_port);
    network_store16(pair + 10, segment->remote_port);
    uint32_t clock = (uint32_t)(net_now(tcp->net) / 4000);
    return clock + (uint32_t)siphash(&tcp->isn_key, pair, sizeof pair);
}

static uint32_t first_window(const struct tcp *tcp) {
    size_t bytes = tcp->limits.receive_bytes;
    return bytes < UINT16_MAX ? (uint32_t)bytes : UINT16_MAX;
}

static void send_syn_ack(struct tcp *tcp, struct tcp_pending *pending) {
    struct tcp_segment answer = {
        .remote_address = pending->remote_address,
        .remote_port = pending->remote_port,
        .local_port = tcp->port,
        .sequence = pending->iss,
        .acknowledgment = pending->irs + 1,
        .window = first_window(tcp),
        .syn = true,
        .ack = true,
        .mss = TCP_MSS,
        .window_shift = pending->window_shift >= 0 ? (int)tcp->receive_shift : -1,
    };
    tcp_segment_send(tcp, &answer, NULL, 0); /* the timer repeats it if the device was busy */
}

static void send_bare_ack(struct tcp *tcp, const struct tcp_pending *pending) {
    struct tcp_segment answer = {
        .remote_address = pending->remote_address,
        .remote_port = pending->remote_port,
        .local_port = tcp->port,
        .sequence = pending->iss + 1,
        .acknowledgment = pending->irs + 1,
        .window = first_window(tcp),
        .ack = true,
        .window_shift = -1,
    };
    tcp_segment_send(tcp, &answer, NULL, 0);
}

static struct tcp_pending *free_entry(struct tcp *tcp, uint64_t now) {
    struct tcp_pending *oldest = &tcp->pending[0];
    for (size_t i = 0; i < tcp->limits.backlog; i++) {
        if (!tcp->pending[i].used)
            return &tcp->pending[i];
        if (tcp->pending[i].began < oldest->began)
            oldest = &tcp->pending[i];
    }
    return now - oldest->began >= EVICTION_AGE ? oldest : NULL;
}

struct tcp_pending *tcp_find_pending(struct tcp *tcp, uint32_t address, uint16_t port) {
    for (size_t i = 0; i < tcp->limits.backlog; i++) {
        struct tcp_pending *pending = &tcp->pending[i];
        if (pending->used && pending->remote_address == address && pending->remote_port == port)
            return pending;
    }
    return NULL;
}

/* A segment for the listening port that belongs to nothing (RFC 9293, 3.10.7.2). */
void tcp_listen_input(struct tcp *tcp, const struct tcp_segment *segment) {
    struct net_counters *counters = &tcp->net->counters;
    if (segment->rst)
        return;
    if (segment->ack) {
        tcp_refuse(tcp, segment);
        return;
    }
    if (!segment->syn) {
        net_drop(&counters->tcp_malformed, "tcp", "neither SYN nor ACK");
        return;
    }
    if (!tcp_has_room(tcp)) {
        net_drop(&counters->tcp_no_room, "tcp", "too many connections");
        return;
    }
    uint64_t now = net_now(tcp->net);
    struct tcp_pending *pending = free_entry(tcp, now);
    if (!pending || pending->used)
        net_drop(&counters->tcp_backlog_full, "tcp", "too many unfinished handshakes");
    if (!pending)
        return;
    uint16_t mss = segment->mss ? segment->mss : TCP_MSS_DEFAULT;
    mss = mss < TCP_MSS ? mss : TCP_MSS;
    *pending = (struct tcp_pending){
        .used = true,
        .remote_address = segment->remote_address,
        .remote_port = segment->remote_port,
        .irs = segment->sequence,
        .iss = initial_sequence(tcp, segment),
        .mss = mss > TCP_MSS_LEAST ? mss : TCP_MSS_LEAST,
        .window_shift = segment->window_shift,
        .began = now,
        .resend_at = now + TCP_RTO_INITIAL,
    };
    send_syn_ack(tcp, pending);
}

/* SYN-RECEIVED (RFC 9293, 3.10.7.4). */
bool tcp_pending_input(struct tcp *tcp, struct tcp_pending *pending,
                       const struct tcp_segment *segment) {
    uint32_t expected = pending->irs + 1, window = first_window(tcp);
    if (segment->syn && !segment->ack && segment->sequence == pending->irs) {
        send_syn_ack(tcp, pending); /* ours was lost */
        return false;
    }
    bool inside = segment->sequence - expected < window;
    if (segment->rst) {
        if (segment->sequence == expected)
            pending->used = false;
        else if (inside && tcp_challenge_allowed(tcp))
            send_bare_ack(tcp, pending);
        return false;
    }
    if (!inside || segment->syn) {
        if (tcp_challenge_allowed(tcp))
            send_bare_ack(tcp, pending);
        return false;
    }
    if (!segment->ack)
        return false;
    if (segment->acknowledgment != pending->iss + 1) {
        tcp_refuse(tcp, segment);
        return false;
    }
    struct tcp_connection *c = tcp_make_room(tcp);
    if (!c) {
        /* Kept: the client believes it is connected and will send again. */
        net_drop(&tcp->net->counters.tcp_no_room, "tcp", "no room for a finished handshake");
        return false;
    }
    tcp_establish(tcp, c, pending);
    if (!pending->retries)
        tcp_rtt_sample(c, net_now(tcp->net) - pending->began);
    pending->used = false;
    return true;
}

bool tcp_pending_timers(struct tcp *tcp, uint64_t now) {
    bool busy = false;
    for (size_t i = 0; i < tcp->limits.backlog; i++) {
        struct tcp_pending *pending = &tcp->pending[i];
        if (!pending->used || now < pending->resend_at)
            continue;
        busy = true;
        if (pending->retries >= TCP_HANDSHAKE_RETRIES) {
            pending->used = false;
            continue;
        }
        pending->retries++;
        pending->resend_at = now + (TCP_RTO_INITIAL << pending->retries);
        tcp->net->counters.tcp_retransmissions++;
        send_syn_ack(tcp, pending);
    }
    return busy;
}
