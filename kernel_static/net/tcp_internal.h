/* What the files of TCP share. Names of sequence variables are RFC 9293's (3.3.1). */
#pragma once

#include "protocols/tcp.h"
#include "siphash.h"
#include "tcp.h"

#define TCP_MSS (NIC_PAYLOAD_MOST - IPV4_HEADER_SIZE - TCP_HEADER_SIZE)
#define TCP_MSS_DEFAULT 536     /* of a peer that names none (RFC 9293, 3.7.1) */
#define TCP_MSS_LEAST 64        /* smaller offers are taken for an attack */
#define TCP_GAPS 32             /* separate runs of out-of-order octets kept */
#define TCP_WAITS 64            /* connections in TIME-WAIT; the oldest makes room */
#define TCP_CHALLENGES 100      /* challenge ACKs in a second (RFC 5961, 7) */
#define TCP_RETRIES 9           /* retransmissions before giving up, 100 s or more */
#define TCP_HANDSHAKE_RETRIES 5 /* of SYN-ACK, 63 s in all */
#define TCP_RTO_INITIAL NET_SECOND
/* RFC 6298 would have 1 s; this beats delayed ACKs. */
#define TCP_RTO_LEAST (250 * NET_MILLISECOND)
#define TCP_RTO_MOST (60 * NET_SECOND)
#define TCP_WAIT_TIME (60 * NET_SECOND) /* two maximum segment lifetimes of 30 s */
#define TCP_LINGER (60 * NET_SECOND)    /* a closed connection whose peer makes no progress */
#define TCP_KEEP_ALIVE_IDLE (60 * NET_SECOND)
#define TCP_KEEP_ALIVE_INTERVAL (10 * NET_SECOND)
#define TCP_KEEP_ALIVE_PROBES 5

/* One segment, either way. Wire form in tcp_segment.c. */
struct tcp_segment {
    uint32_t remote_address;
    uint16_t remote_port, local_port;
    uint32_t sequence, acknowledgment;
    uint32_t window; /* as on the wire, unscaled */
    bool syn, ack, fin, rst, push;
    uint16_t mss;     /* option, 0 if absent */
    int window_shift; /* option, -1 if absent */
    const uint8_t *data;
    size_t count;
};

enum tcp_state {
    TCP_FREE,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1, /* we closed; our FIN may still wait behind data */
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT, /* the peer closed */
    TCP_CLOSING,    /* both closed, our FIN unacknowledged */
    TCP_LAST_ACK,   /* the peer closed, then we did */
    TCP_GONE,       /* only `closed` remains to be called */
};

struct tcp_gap {
    uint32_t start, end; /* a run of octets received beyond RCV.NXT */
};

struct tcp_connection {
    struct tcp *tcp;
    enum tcp_state state;
    uint32_t remote_address;
    uint16_t remote_port;
    char peer[24]; /* "a.b.c.d:port" */
    void *context; /* the upper layer's */

    /* Callbacks that are due. */
    bool opening, readable, finishing, short_write;

    /* Both buffers are there, or none: a connection at rest, or before its first octets. */

    /* Sending. Octet i of the send ring (from ring_start) has sequence number SND.UNA + i. */
    uint8_t *ring;
    size_t ring_start, ring_count;
    uint32_t snd_una, snd_nxt, snd_max; /* snd_max: one past the highest ever sent */
    uint32_t snd_wnd, snd_wl1, snd_wl2;
    uint32_t snd_wnd_max; /* the largest window the peer ever offered */
    unsigned snd_shift, rcv_shift;
    uint16_t mss;
    bool fin_queued; /* a FIN follows the ring's last octet */
    bool fin_acked;
    bool output_due; /* something may be sendable */
    bool ack_due;    /* an acknowledgment must go out by the end of this poll */

    /* Receiving. Octets [kept, kept + count) are in order and not consumed; those beyond RCV.NXT
     * lie behind them at their place and are described by gaps, in ascending order. */
    uint8_t *store;
    size_t kept, count;
    uint32_t rcv_nxt, rcv_adv; /* rcv_adv: the right edge that the peer was told */
    struct tcp_gap gaps[TCP_GAPS];
    size_t gap_count;
    bool consumed; /* the upper layer took octets since the last segment that we sent */
    bool fin_seen; /* at fin_sequence, perhaps beyond RCV.NXT */
    uint32_t fin_sequence;

    /* Round-trip time (RFC 6298) and congestion (RFC 5681, 6582). */
    uint64_t srtt, rttvar, rto;
    bool timing;
    uint32_t timed_sequence;
    uint64_t timed_at;
    uint32_t cwnd, ssthresh, recover;
    unsigned duplicate_acks;
    bool recovering;

    /* Timers; NET_NEVER when off. */
    uint64_t retransmit_at, persist_at, keep_alive_at, linger_at;
    unsigned retries, probes;
    unsigned persist_doublings, persist_silent; /* back-off, and probes without an answer */
    uint64_t sent_at; /* when data last went out, for restarting after idleness */
};

/* A handshake that is not finished: all that a SYN costs. */
struct tcp_pending {
    bool used;
    uint32_t remote_address;
    uint16_t remote_port;
    uint32_t irs, iss;
    uint16_t mss;
    int window_shift; /* the peer's, -1 if it offered none */
    uint64_t began, resend_at;
    unsigned retries;
};

struct tcp_wait {
    bool used;
    uint32_t remote_address;
    uint16_t remote_port;
    uint32_t snd_nxt, rcv_nxt;
    uint64_t until;
};

struct tcp {
    struct net *net;
    struct ipv4 *ipv4;
    struct tcp_events events;
    struct tcp_limits limits;
    uint16_t port;
    struct siphash_key isn_key;
    uint64_t challenge_second;
    unsigned challenges;
    unsigned receive_shift; /* what we offer */
    struct tcp_connection *connections;
    struct tcp_pending *pending;
    struct tcp_wait waits[TCP_WAITS];
};

/* Sequence numbers compare modulo 2^32 (RFC 9293, 3.4). */
static inline bool tcp_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

static inline bool tcp_at_or_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) <= 0; }

static inline bool tcp_sends(const struct tcp_connection *c) {
    return c->state >= TCP_ESTABLISHED && c->state <= TCP_LAST_ACK;
}

/* Sequence number after the last queued octet; a queued FIN has this number. */
static inline uint32_t tcp_send_end(const struct tcp_connection *c) {
    return c->snd_una + (uint32_t)c->ring_count;
}

/* tcp.c */
struct tcp_connection *tcp_find(struct tcp *tcp, uint32_t address, uint16_t port);
struct tcp_connection *tcp_free_slot(struct tcp *tcp);
bool tcp_has_room(struct tcp *tcp);                    /* a slot is free, or would be made so */
struct tcp_connection *tcp_make_room(struct tcp *tcp); /* a free slot, or null */
void tcp_establish(struct tcp *tcp, struct tcp_connection *c, const struct tcp_pending *pending);
bool tcp_take_buffers(struct tcp_connection *c); /* false if the heap has no room for them */
void tcp_gone(struct tcp_connection *c); /* releases buffers; `closed` follows at the next poll */

/* tcp_segment.c. Parsing checks lengths and the checksum and counts what it refuses. */
bool tcp_segment_parse(struct tcp *tcp, const struct ipv4_packet *packet, struct tcp_segment *out);
/* Sends; false if the device has no room. `data` may come in two pieces. */
bool tcp_segment_send(struct tcp *tcp, const struct tcp_segment *segment, const uint8_t *more,
                      size_t more_count);
/* The RST that answers a segment which belongs to nothing (RFC 9293, 3.10.7.1). */
void tcp_refuse(struct tcp *tcp, const struct tcp_segment *segment);

/* tcp_handshake.c */
void tcp_listen_input(struct tcp *tcp, const struct tcp_segment *segment);
/* True if the segment finished a handshake: it is then input to the connection. False: handled. */
bool tcp_pending_input(struct tcp *tcp, struct tcp_pending *pending,
                       const struct tcp_segment *segment);
struct tcp_pending *tcp_find_pending(struct tcp *tcp, uint32_t address, uint16_t port);
bool tcp_pending_timers(struct tcp *tcp, uint64_t now);

/* tcp_wait.c */
void tcp_wait_enter(struct tcp_connection *c); /* the connection is gone afterwards */
struct tcp_wait *tcp_find_wait(struct tcp *tcp, uint32_t address, uint16_t port);
/* True if the segment is a SYN that may open the connection anew; the entry is gone then. */
bool tcp_wait_input(struct tcp *tcp, struct tcp_wait *wait, const struct tcp_segment *segment);
void tcp_wait_timers(struct tcp *tcp, uint64_t now);

/* tcp_input.c */
void tcp_input(void *context, const struct ipv4_packet *packet);
bool tcp_challenge_allowed(struct tcp *tcp);

/* tcp_receive.c */
size_t tcp_receive_free(const struct tcp_connection *c);
void tcp_receive(struct tcp_connection *c, uint32_t sequence, const uint8_t *data, size_t count);
void tcp_consume(struct tcp_connection *c, size_t count);

/* tcp_output.c */
void tcp_output(struct tcp_connection *c);
bool tcp_send_ack(struct tcp_connection *c);
void tcp_send_reset(struct tcp_connection *c);
bool tcp_retransmit_first(struct tcp_connection *c);
void tcp_send_probe(struct tcp_connection *c);
void tcp_send_keep_alive(struct tcp_connection *c);
bool tcp_window_opened(const struct tcp_connection *c);

/* tcp_congestion.c */
void tcp_congestion_start(struct tcp_connection *c);
void tcp_rtt_sample(struct tcp_connection *c, uint64_t round_trip);
void tcp_congestion_new_ack(struct tcp_connection *c, uint32_t acked, uint32_t flight_before);
void tcp_congestion_duplicate_ack(struct tcp_connection *c);
void tcp_congestion_timeout(struct tcp_connection *c);
void tcp_congestion_idle(struct tcp_connection *c, uint64_t now);

/* tcp_timer.c */
bool tcp_timers(struct tcp_connection *c, uint64_t now);
uint64_t tcp_connection_deadline(const struct tcp_connection *c);
