/* TIME-WAIT: the side that closed first remembers the connection for a while, to acknowledge a
 * FIN that comes again and to keep old segments out of a successor (RFC 9293, 3.6.1). */
#include "tcp_internal.h"

void tcp_wait_enter(struct tcp_connection *c) {
    struct tcp *tcp = c->tcp;
    struct tcp_wait *oldest = &tcp->waits[0];
    for (size_t i = 0; i < TCP_WAITS && oldest->used; i++)
        if (!tcp->waits[i].used || tcp->waits[i].until < oldest->until)
            oldest = &tcp->waits[i];
    *oldest = (struct tcp_wait){
        .used = true,
        .remote_address = c->remote_address,
        .remote_port = c->remote_port,
        .snd_nxt = c->snd_una,
        .rcv_nxt = c->rcv_nxt,
        .until = net_now(tcp->net) + TCP_WAIT_TIME,
    };
    tcp_gone(c);
}

struct tcp_wait *tcp_find_wait(struct tcp *tcp, uint32_t address, uint16_t port) {
    for (size_t i = 0; i < TCP_WAITS; i++) {
        struct tcp_wait *wait = &tcp->waits[i];
        if (wait->used && wait->remote_address == address && wait->remote_port == port)
            return wait;
    }
    return NULL;
}

bool tcp_wait_input(struct tcp *tcp, struct tcp_wait *wait, const struct tcp_segment *segment) {
    if (segment->rst)
        return false; /* RFC 1337: a stray reset does not cut the wait short */
    if (segment->syn && !segment->ack && tcp_before(wait->rcv_nxt, segment->sequence)) {
        wait->used = false; /* RFC 9293, 3.10.7.4: a new incarnation, beyond the old one */
        return true;
    }
    struct tcp_segment answer = {
        .remote_address = wait->remote_address,
        .remote_port = wait->remote_port,
        .local_port = tcp->port,
        .sequence = wait->snd_nxt,
        .acknowledgment = wait->rcv_nxt,
        .ack = true,
        .window_shift = -1,
    };
    if (segment->fin)
        wait->until = net_now(tcp->net) + TCP_WAIT_TIME;
    if (segment->fin || segment->syn || segment->count)
        tcp_segment_send(tcp, &answer, NULL, 0);
    return false;
}

void tcp_wait_timers(struct tcp *tcp, uint64_t now) {
    for (size_t i = 0; i < TCP_WAITS; i++)
        if (tcp->waits[i].used && now >= tcp->waits[i].until)
            tcp->waits[i].used = false;
}
