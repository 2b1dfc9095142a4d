/* How much may be in flight and how long to wait for its acknowledgment: RFC 6298 (timeout), 5681
 * (slow start, congestion avoidance), 6582 (fast recovery), 6928 (initial window). */
#include "tcp_internal.h"

#define CLOCK_GRANULARITY NET_MILLISECOND

static uint32_t initial_window(const struct tcp_connection *c) {
    uint32_t ten = 10u * c->mss, two = 2u * c->mss; /* RFC 6928, 2 */
    uint32_t most = two > 14600 ? two : 14600;
    return ten < most ? ten : most;
}

void tcp_congestion_start(struct tcp_connection *c) {
    c->cwnd = initial_window(c);
    c->ssthresh = UINT32_MAX;
    c->rto = TCP_RTO_INITIAL;
}

/* Smoothed round-trip time and its variation (RFC 6298, 2.2 and 2.3). */
void tcp_rtt_sample(struct tcp_connection *c, uint64_t round_trip) {
    if (!c->srtt) {
        c->srtt = round_trip ? round_trip : 1;
        c->rttvar = round_trip / 2;
    } else {
        uint64_t error = c->srtt > round_trip ? c->srtt - round_trip : round_trip - c->srtt;
        c->rttvar = (3 * c->rttvar + error) / 4;
        c->srtt = (7 * c->srtt + round_trip) / 8;
    }
    uint64_t margin = 4 * c->rttvar;
    c->rto = c->srtt + (margin > CLOCK_GRANULARITY ? margin : CLOCK_GRANULARITY);
    if (c->rto < TCP_RTO_LEAST)
        c->rto = TCP_RTO_LEAST;
    if (c->rto > TCP_RTO_MOST)
        c->rto = TCP_RTO_MOST;
}

/* Half of what is in flight, at least two segments (RFC 5681, equation 4). */
static uint32_t half_flight(const struct tcp_connection *c, uint32_t flight) {
    uint32_t half = flight / 2, least = 2u * c->mss;
    return half > least ? half : least;
}

void tcp_congestion_new_ack(struct tcp_connection *c, uint32_t acked, uint32_t flight_before) {
    c->duplicate_acks = 0;
    if (c->recovering && tcp_before(c->snd_una, c->recover)) {
        /* A partial acknowledgment: the next hole is lost too (RFC 6582, 3.2 step 3). */
        tcp_retransmit_first(c);
        c->cwnd = c->cwnd > acked ? c->cwnd - acked : 0;
        if (acked >= c->mss || c->cwnd < c->mss)
            c->cwnd += c->mss;
        return;
    }
    if (c->recovering) {
        c->recovering = false;
        c->cwnd = c->ssthresh;
        return;
    }
    if (flight_before + 2u * c->mss < c->cwnd)
        return; /* the window was not what limited us (RFC 7661's point, simply) */
    if (c->cwnd < c->ssthresh)
        c->cwnd += acked < 2u * c->mss ? acked : 2u * c->mss; /* RFC 3465, L = 2 */
    else
        c->cwnd += (uint32_t)c->mss * c->mss / c->cwnd + 1;
    uint32_t most = (uint32_t)c->tcp->limits.send_bytes * 2;
    if (c->cwnd > most)
        c->cwnd = most;
}

/* Three duplicates mean a lost segment (RFC 5681, 3.2); each further one says that a segment has
 * left the network. */
void tcp_congestion_duplicate_ack(struct tcp_connection *c) {
    c->duplicate_acks++;
    if (c->recovering) {
        c->cwnd += c->mss;
        c->output_due = true;
        return;
    }
    if (c->duplicate_acks != 3 || tcp_before(c->snd_una, c->recover))
        return;
    c->ssthresh = half_flight(c, c->snd_nxt - c->snd_una);
    c->recover = c->snd_max;
    c->recovering = true;
    c->tcp->net->counters.tcp_fast_retransmissions++;
    tcp_retransmit_first(c);
    c->cwnd = c->ssthresh + 3u * c->mss;
    c->output_due = true;
}

void tcp_congestion_timeout(struct tcp_connection *c) {
    if (!c->retries) /* only the first timeout of a segment halves (RFC 5681, 3.1) */
        c->ssthresh = half_flight(c, c->snd_nxt - c->snd_una);
    c->cwnd = c->mss;
    c->recovering = false;
    c->recover = c->snd_max; /* duplicates of this flight start no recovery (RFC 6582, 4) */
    c->duplicate_acks = 0;
    c->timing = false; /* Karn's algorithm */
    c->rto = net_earlier(2 * c->rto, TCP_RTO_MOST);
}

/* What was learned before a pause says little about the path now (RFC 5681, 4.1). */
void tcp_congestion_idle(struct tcp_connection *c, uint64_t now) {
    if (c->snd_nxt == c->snd_una && c->sent_at && now - c->sent_at > c->rto &&
        c->cwnd > initial_window(c))
        c->cwnd = initial_window(c);
}
