/* Segments that arrive: whose they are, and what they do to a connection (RFC 9293, 3.10.7.4). */
#include "log.h"
#include "metrics.h"
#include "tcp_internal.h"

/* At most TCP_CHALLENGES each second, so that a forger cannot make us a reflector (RFC 5961, 7). */
bool tcp_challenge_allowed(struct tcp *tcp) {
    uint64_t second = net_now(tcp->net) / NET_SECOND;
    if (second != tcp->challenge_second) {
        tcp->challenge_second = second;
        tcp->challenges = 0;
    }
    if (tcp->challenges >= TCP_CHALLENGES)
        return false;
    tcp->challenges++;
    tcp->net->counters.tcp_challenges++;
    return true;
}

static void challenge(struct tcp_connection *c) {
    if (tcp_challenge_allowed(c->tcp))
        tcp_send_ack(c);
}

/* Resets only at exactly RCV.NXT; elsewhere in the window it may be forged (RFC 5961, 3.2). */
static void handle_reset(struct tcp_connection *c, const struct tcp_segment *s) {
    if (s->sequence == c->rcv_nxt) {
        log_debug("tcp", "%s: reset by the peer", c->peer);
        c->tcp->net->counters.tcp_resets_received++;
        tcp_gone(c);
    } else if (s->sequence - c->rcv_nxt < tcp_receive_free(c)) {
        challenge(c);
    }
}

/* Cuts the segment to what is new and inside the window. False if nothing of it may be taken,
 * after acknowledging (RFC 9293, 3.10.7.4, first step). */
static bool trim(struct tcp_connection *c, struct tcp_segment *s) {
    uint32_t window = (uint32_t)tcp_receive_free(c);
    if (tcp_before(s->sequence, c->rcv_nxt)) {
        uint32_t old = c->rcv_nxt - s->sequence;
        if (old > s->count || (old == s->count && !s->fin)) {
            /* All seen before, or a keep-alive probe. */
            c->tcp->net->counters.tcp_duplicates++;
            c->ack_due = true;
            return false;
        }
        s->data += old;
        s->count -= old;
        s->sequence = c->rcv_nxt;
    }
    uint32_t ahead = s->sequence - c->rcv_nxt;
    if (ahead > window || (ahead == window && ahead)) {
        c->ack_due = true;
        return false;
    }
    if (s->count > window - ahead) { /* a probe of our closed window, most likely */
        metric_count(METRIC_LIMIT_REFUSALS_TCP_RECEIVE_BYTES);
        s->count = window - ahead;
        s->fin = false;
        c->ack_due = true;
    }
    return true;
}

/* Everything up to SND.UNA has arrived: forget it. */
static void forget_acknowledged(struct tcp_connection *c, uint32_t acked) {
    size_t octets = acked;
    if (octets > c->ring_count) {
        octets = c->ring_count;
        c->fin_acked = true;
    }
    c->ring_start = (c->ring_start + octets) % c->tcp->limits.send_bytes;
    c->ring_count -= octets;
}

static void handle_new_ack(struct tcp_connection *c, uint32_t acknowledgment) {
    uint64_t now = net_now(c->tcp->net);
    uint32_t acked = acknowledgment - c->snd_una, flight = c->snd_nxt - c->snd_una;
    forget_acknowledged(c, acked);
    c->snd_una = acknowledgment;
    if (tcp_before(c->snd_nxt, c->snd_una))
        c->snd_nxt = c->snd_una;
    if (c->timing && tcp_before(c->timed_sequence, acknowledgment)) {
        c->timing = false;
        tcp_rtt_sample(c, now - c->timed_at);
    }
    c->retries = 0;
    c->retransmit_at = c->snd_una == c->snd_nxt ? NET_NEVER : now + c->rto; /* RFC 6298, 5.3 */
    tcp_congestion_new_ack(c, acked, flight);
    if (c->linger_at != NET_NEVER)
        c->linger_at = now + TCP_LINGER;
    c->output_due = true;
}

/* False if the segment must not be processed further. */
static bool handle_ack(struct tcp_connection *c, const struct tcp_segment *s) {
    uint32_t most = c->snd_wnd_max > UINT16_MAX ? c->snd_wnd_max : UINT16_MAX;
    if (tcp_before(c->snd_max, s->acknowledgment) ||
        tcp_before(s->acknowledgment, c->snd_una - most)) { /* RFC 5961, 5.2 */
        challenge(c);
        return false;
    }
    uint32_t window = s->window << c->snd_shift;
    bool newest = tcp_before(c->snd_wl1, s->sequence) ||
                  (c->snd_wl1 == s->sequence && tcp_at_or_before(c->snd_wl2, s->acknowledgment));
    bool duplicate = s->acknowledgment == c->snd_una && c->snd_nxt != c->snd_una && !s->count &&
                     !s->fin && window == c->snd_wnd; /* RFC 5681, 2 */
    if (newest && tcp_at_or_before(c->snd_una, s->acknowledgment)) {
        if (window != c->snd_wnd)
            c->output_due = true;
        c->snd_wnd = window;
        c->snd_wl1 = s->sequence;
        c->snd_wl2 = s->acknowledgment;
        if (window > c->snd_wnd_max)
            c->snd_wnd_max = window;
        c->persist_silent = 0;
        if (window) {
            c->persist_at = NET_NEVER;
            c->persist_doublings = 0;
        }
    }
    if (tcp_before(c->snd_una, s->acknowledgment))
        handle_new_ack(c, s->acknowledgment);
    else if (duplicate)
        tcp_congestion_duplicate_ack(c);
    return true;
}

static void handle_data(struct tcp_connection *c, const struct tcp_segment *s) {
    if (!s->count)
        return;
    if (c->fin_seen && !tcp_before(s->sequence, c->fin_sequence))
        return; /* beyond the peer's own end */
    if (!tcp_take_buffers(c)) {
        net_drop(&c->tcp->net->counters.tcp_no_memory, "tcp", "no memory for buffers");
        return; /* unacknowledged: it comes again */
    }
    if (s->sequence != c->rcv_nxt || c->gap_count) {
        /* Out of order, or filling a hole: the sender must learn of it now (RFC 5681, 4.2). */
        c->tcp->net->counters.tcp_out_of_order += s->sequence != c->rcv_nxt;
        tcp_receive(c, s->sequence, s->data, s->count);
        tcp_send_ack(c);
        return;
    }
    tcp_receive(c, s->sequence, s->data, s->count);
    c->ack_due = true;
}

/* The peer's FIN, once everything before it is here. */
static void handle_fin(struct tcp_connection *c, const struct tcp_segment *s) {
    if (s->fin && !c->fin_seen) {
        c->fin_seen = true;
        c->fin_sequence = s->sequence + (uint32_t)s->count;
    }
    if (s->fin)
        c->ack_due = true;
    if (!c->fin_seen || c->rcv_nxt != c->fin_sequence)
        return;
    c->rcv_nxt++;
    c->finishing = true;
    c->ack_due = true;
    if (c->state == TCP_ESTABLISHED)
        c->state = TCP_CLOSE_WAIT;
    else
        c->state = TCP_CLOSING; /* if our FIN is acknowledged, settle() goes on from here */
}

/* What an acknowledged FIN of ours means. */
static void settle(struct tcp_connection *c) {
    if (!c->fin_acked)
        return;
    if (c->state == TCP_FIN_WAIT_1) {
        c->state = TCP_FIN_WAIT_2;
        c->linger_at = net_now(c->tcp->net) + TCP_LINGER;
    } else if (c->state == TCP_CLOSING) {
        if (c->ack_due)
            tcp_send_ack(c);
        tcp_wait_enter(c);
    } else if (c->state == TCP_LAST_ACK) {
        tcp_gone(c);
    }
}

static void connection_input(struct tcp_connection *c, struct tcp_segment *s) {
    c->keep_alive_at = net_now(c->tcp->net) + TCP_KEEP_ALIVE_IDLE;
    c->probes = 0;
    if (s->rst) {
        handle_reset(c, s);
        return;
    }
    if (s->syn) {
        challenge(c); /* RFC 5961, 4.2 */
        return;
    }
    if (!s->ack) {
        net_drop(&c->tcp->net->counters.tcp_malformed, "tcp", "no ACK on a connection");
        return;
    }
    bool past_end = c->state == TCP_CLOSE_WAIT || c->state == TCP_CLOSING ||
                    c->state == TCP_LAST_ACK; /* nothing can follow the peer's FIN */
    if (!trim(c, s) || !handle_ack(c, s))
        return;
    if (!past_end) {
        handle_data(c, s);
        handle_fin(c, s);
    }
    settle(c);
}

void tcp_input(void *context, const struct ipv4_packet *packet) {
    struct tcp *tcp = context;
    struct tcp_segment s;
    if (!tcp_segment_parse(tcp, packet, &s))
        return;
    tcp->net->counters.tcp_received++;
    if (s.local_port != tcp->port) {
        tcp_refuse(tcp, &s);
        return;
    }
    struct tcp_connection *c = tcp_find(tcp, s.remote_address, s.remote_port);
    if (c) {
        connection_input(c, &s);
        return;
    }
    struct tcp_pending *pending = tcp_find_pending(tcp, s.remote_address, s.remote_port);
    if (pending) {
        if (tcp_pending_input(tcp, pending, &s))
            connection_input(tcp_find(tcp, s.remote_address, s.remote_port), &s);
        return;
    }
    struct tcp_wait *wait = tcp_find_wait(tcp, s.remote_address, s.remote_port);
    if (wait && !tcp_wait_input(tcp, wait, &s))
        return;
    tcp_listen_input(tcp, &s);
}
