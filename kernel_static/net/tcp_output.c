/* What goes out: data, FIN, acknowledgments, probes.
 *
 * No octet waits for a timer. Writes of one pass of the main loop leave together in the next
 * tcp_poll, and an acknowledgment waits only for the end of that poll, so that the answer the
 * upper layer gives at once carries it (a delayed ACK without the delay, RFC 9293, 3.8.6.3). */
#include "tcp_internal.h"

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The right edge of the largest window that could be offered now. */
static uint32_t free_edge(const struct tcp_connection *c) {
    uint32_t most = (uint32_t)UINT16_MAX << c->rcv_shift;
    return c->rcv_nxt + smaller((uint32_t)tcp_receive_free(c), most);
}

/* The right edge to offer: moves only by a useful step (RFC 9293, 3.8.6.2.2) and never back. */
static uint32_t next_edge(const struct tcp_connection *c) {
    uint32_t edge = free_edge(c);
    uint32_t step = smaller((uint32_t)c->tcp->limits.receive_bytes / 2, TCP_MSS);
    return (int32_t)(edge - c->rcv_adv) >= (int32_t)step ? edge : c->rcv_adv;
}

/* True when the upper layer has freed so much that the peer should hear of it unasked. */
bool tcp_window_opened(const struct tcp_connection *c) {
    uint32_t step = smaller((uint32_t)c->tcp->limits.receive_bytes / 2, 2 * TCP_MSS);
    bool ended =
        c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2;
    return c->consumed && !ended && (int32_t)(free_edge(c) - c->rcv_adv) >= (int32_t)step;
}

/* Sends `count` queued octets from sequence number `from`, with FIN if asked; everything that a
 * segment says about our receive side is said here. */
static bool send(struct tcp_connection *c, uint32_t from, size_t count, bool fin) {
    size_t capacity = c->tcp->limits.send_bytes;
    size_t at = (c->ring_start + (from - c->snd_una)) % capacity;
    size_t first = count < capacity - at ? count : capacity - at;
    uint32_t edge = next_edge(c);
    bool before_edge = tcp_before(c->rcv_nxt, edge);
    uint32_t window = before_edge ? (edge - c->rcv_nxt) >> c->rcv_shift : 0;
    struct tcp_segment segment = {
        .remote_address = c->remote_address,
        .remote_port = c->remote_port,
        .local_port = c->tcp->port,
        .sequence = from,
        .acknowledgment = c->rcv_nxt,
        .window = smaller(window, UINT16_MAX),
        .ack = true,
        .fin = fin,
        .push = count && from + (uint32_t)count == tcp_send_end(c),
        .window_shift = -1,
        .data = c->ring + at,
        .count = first,
    };
    if (!tcp_segment_send(c->tcp, &segment, c->ring, count - first))
        return false;
    uint32_t told = c->rcv_nxt + (segment.window << c->rcv_shift);
    if (tcp_before(c->rcv_adv, told))
        c->rcv_adv = told;
    c->ack_due = c->consumed = false;
    return true;
}

bool tcp_send_ack(struct tcp_connection *c) {
    if (send(c, c->snd_nxt, 0, false))
        return true;
    c->ack_due = true;
    return false;
}

void tcp_send_reset(struct tcp_connection *c) {
    struct tcp_segment reset = {
        .remote_address = c->remote_address,
        .remote_port = c->remote_port,
        .local_port = c->tcp->port,
        .sequence = c->snd_nxt,
        .acknowledgment = c->rcv_nxt,
        .rst = true,
        .ack = true,
        .window_shift = -1,
    };
    c->tcp->net->counters.tcp_resets_sent++;
    tcp_segment_send(c->tcp, &reset, NULL, 0);
}

/* Sends again what the peer misses first. */
bool tcp_retransmit_first(struct tcp_connection *c) {
    uint32_t end = tcp_send_end(c);
    uint32_t count = smaller(c->mss, (uint32_t)c->ring_count);
    count = smaller(count, c->snd_max - c->snd_una);
    bool fin = c->fin_queued && c->snd_una + count == end && tcp_before(end, c->snd_max);
    c->timing = false; /* Karn's algorithm */
    c->tcp->net->counters.tcp_retransmissions++;
    return send(c, c->snd_una, count, fin);
}

/* An old sequence number makes a living peer answer (RFC 9293, 3.8.4). */
void tcp_send_keep_alive(struct tcp_connection *c) {
    c->tcp->net->counters.tcp_probes++;
    send(c, c->snd_nxt - 1, 0, false);
}

/* How many octets may go now; sets *blocked when only the peer's window forbids more. */
static uint32_t sendable(const struct tcp_connection *c, bool *blocked) {
    uint32_t flight = c->snd_nxt - c->snd_una;
    uint32_t end = tcp_send_end(c);
    uint32_t waiting = tcp_before(c->snd_nxt, end) ? end - c->snd_nxt : 0;
    uint32_t offered = c->snd_wnd > flight ? c->snd_wnd - flight : 0;
    uint32_t allowed = c->cwnd > flight ? c->cwnd - flight : 0;
    uint32_t count = smaller(smaller(waiting, c->mss), smaller(offered, allowed));
    *blocked = waiting && offered < smaller(waiting, c->mss);
    /* A short segment goes only if it is all there is, or fills half of the largest window that
     * the peer ever had: else wait for more window (RFC 9293, 3.8.6.2.1). */
    if (count < c->mss && count < waiting && count < (c->snd_wnd_max + 1) / 2)
        return 0;
    return count;
}

static void note_sent(struct tcp_connection *c, uint32_t octets) {
    uint64_t now = net_now(c->tcp->net);
    if (!c->timing && c->snd_nxt == c->snd_max) {
        c->timing = true;
        c->timed_sequence = c->snd_nxt;
        c->timed_at = now;
    }
    if (tcp_before(c->snd_nxt, c->snd_max))
        c->tcp->net->counters.tcp_retransmissions++;
    c->snd_nxt += octets;
    if (tcp_before(c->snd_max, c->snd_nxt))
        c->snd_max = c->snd_nxt;
    if (c->retransmit_at == NET_NEVER)
        c->retransmit_at = now + c->rto;
    c->sent_at = now;
}

/* The persist timer's answer to a window that does not let us go on: what fits if it is merely too
 * small to be worth while, else one octet (or the FIN) beyond its edge, so that a lost update
 * cannot stall us for ever (RFC 9293, 3.8.6.1). The latter is not counted as sent: it goes again
 * when the window opens. */
void tcp_send_probe(struct tcp_connection *c) {
    uint32_t waiting = tcp_send_end(c) - c->snd_nxt;
    uint32_t count = smaller(smaller(c->snd_wnd, waiting), c->mss);
    bool beyond = !count, fin = !waiting;
    if (!send(c, c->snd_nxt, beyond && !fin ? 1 : count, fin))
        return;
    c->tcp->net->counters.tcp_probes++;
    if (!beyond)
        note_sent(c, count);
    else if (tcp_before(c->snd_max, c->snd_nxt + 1))
        c->snd_max = c->snd_nxt + 1;
}

/* A FIN is due when it is queued, not yet sent, and all before it is out. */
static bool fin_due(const struct tcp_connection *c, uint32_t count) {
    return c->fin_queued && !c->fin_acked && c->snd_nxt + count == tcp_send_end(c) &&
           c->snd_nxt - c->snd_una + count < c->snd_wnd;
}

static void arm_persist(struct tcp_connection *c, bool blocked) {
    bool fin_blocked = c->fin_queued && !c->fin_acked && c->snd_nxt == tcp_send_end(c);
    if (c->snd_nxt != c->snd_una || !(blocked || fin_blocked))
        c->persist_at = NET_NEVER;
    else if (c->persist_at == NET_NEVER)
        c->persist_at = net_now(c->tcp->net) + c->rto;
}

/* Sends all that may go now. What the device has no room for is tried at the next poll. */
void tcp_output(struct tcp_connection *c) {
    bool blocked = false, busy = false;
    tcp_congestion_idle(c, net_now(c->tcp->net));
    while (!c->fin_acked) {
        uint32_t count = sendable(c, &blocked);
        bool fin = fin_due(c, count);
        if (!count && !fin)
            break;
        if (!send(c, c->snd_nxt, count, fin)) {
            busy = true;
            break;
        }
        note_sent(c, count + fin);
        if (fin)
            break;
    }
    c->output_due = busy;
    if (!busy)
        arm_persist(c, blocked);
    if (c->ack_due || tcp_window_opened(c))
        tcp_send_ack(c);
}
