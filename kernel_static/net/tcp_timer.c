/* What happens when nothing happens. */
#include "log.h"
#include "tcp_internal.h"

static void give_up(struct tcp_connection *c, const char *why) {
    c->tcp->net->counters.tcp_timed_out++;
    log_debug("tcp", "%s: given up: %s", c->peer, why);
    tcp_abort(c);
}

/* No acknowledgment came in time: back to the first octet in doubt (RFC 6298, 5.4 to 5.6). */
static void retransmit(struct tcp_connection *c, uint64_t now) {
    if (c->retries >= TCP_RETRIES) {
        give_up(c, "no acknowledgment");
        return;
    }
    tcp_congestion_timeout(c);
    c->retries++;
    c->snd_nxt = c->snd_una;
    c->retransmit_at = NET_NEVER; /* armed again by what goes out */
    c->output_due = true;
    tcp_output(c);
    if (tcp_sends(c) && c->snd_nxt == c->snd_una && c->persist_at == NET_NEVER)
        c->retransmit_at = now + c->rto;
}

static void probe_window(struct tcp_connection *c, uint64_t now) {
    if (c->persist_silent >= TCP_RETRIES) {
        give_up(c, "closed window, and no answer to probes");
        return;
    }
    c->persist_silent++;
    if (c->persist_doublings < 8)
        c->persist_doublings++;
    c->persist_at = now + net_earlier(c->rto << c->persist_doublings, TCP_RTO_MOST);
    tcp_send_probe(c);
    if (c->snd_nxt != c->snd_una)
        c->persist_at = NET_NEVER; /* a small window was used: now the other timer runs */
}

static void keep_alive(struct tcp_connection *c, uint64_t now) {
    if (c->snd_nxt != c->snd_una || c->persist_at != NET_NEVER) {
        c->keep_alive_at = now + TCP_KEEP_ALIVE_IDLE; /* the other timers find out */
        return;
    }
    if (c->probes >= TCP_KEEP_ALIVE_PROBES) {
        give_up(c, "no answer to keep-alive probes");
        return;
    }
    c->probes++;
    c->keep_alive_at = now + TCP_KEEP_ALIVE_INTERVAL;
    tcp_send_keep_alive(c);
}

bool tcp_timers(struct tcp_connection *c, uint64_t now) {
    bool busy = false;
    if (!tcp_sends(c))
        return false;
    if (now >= c->linger_at) {
        give_up(c, "closed, and the peer does not follow");
        return true;
    }
    if (now >= c->retransmit_at) {
        retransmit(c, now);
        busy = true;
    }
    if (tcp_sends(c) && now >= c->persist_at) {
        probe_window(c, now);
        busy = true;
    }
    if (tcp_sends(c) && now >= c->keep_alive_at) {
        keep_alive(c, now);
        busy = true;
    }
    return busy;
}

uint64_t tcp_connection_deadline(const struct tcp_connection *c) {
    if (c->state == TCP_FREE)
        return NET_NEVER;
    if (c->state == TCP_GONE || c->opening || c->readable || (c->finishing && !c->count) ||
        c->output_due || c->ack_due)
        return 0;
    return net_earlier(net_earlier(c->retransmit_at, c->persist_at),
                       net_earlier(c->keep_alive_at, c->linger_at));
}

uint64_t tcp_deadline(const struct tcp *tcp) {
    uint64_t deadline = NET_NEVER;
    for (size_t i = 0; i < tcp->limits.connections; i++)
        deadline = net_earlier(deadline, tcp_connection_deadline(&tcp->connections[i]));
    for (size_t i = 0; i < tcp->limits.backlog; i++)
        if (tcp->pending[i].used)
            deadline = net_earlier(deadline, tcp->pending[i].resend_at);
    return deadline; /* TIME-WAIT ends by itself: nothing needs to wake up for it */
}
