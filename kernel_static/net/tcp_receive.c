/* Received octets until the upper layer takes them. The store is linear, so that what waits is
 * always offered in one piece; octets that came early are written where they will belong, and
 * move with the rest. */
#include <string.h>

#include "tcp_internal.h"

size_t tcp_receive_free(const struct tcp_connection *c) {
    return c->tcp->limits.receive_bytes - c->count;
}

/* One past the last octet stored, relative to RCV.NXT. */
static size_t early_extent(const struct tcp_connection *c) {
    return c->gap_count ? c->gaps[c->gap_count - 1].end - c->rcv_nxt : 0;
}

static void move_to_front(struct tcp_connection *c) {
    if (c->kept)
        memmove(c->store, c->store + c->kept, c->count + early_extent(c));
    c->kept = 0;
}

/* Notes that [start, end) is stored, joining runs that touch. False if there are too many. */
static bool add_gap(struct tcp_connection *c, uint32_t start, uint32_t end) {
    size_t first = 0;
    while (first < c->gap_count && tcp_before(c->gaps[first].end, start))
        first++;
    size_t after = first; /* gaps [first, after) touch the new run */
    for (; after < c->gap_count && tcp_at_or_before(c->gaps[after].start, end); after++) {
        if (tcp_before(c->gaps[after].start, start))
            start = c->gaps[after].start;
        if (tcp_before(end, c->gaps[after].end))
            end = c->gaps[after].end;
    }
    if (after == first && c->gap_count == TCP_GAPS)
        return false;
    memmove(&c->gaps[first + 1], &c->gaps[after], (c->gap_count - after) * sizeof c->gaps[0]);
    c->gap_count += 1 - (after - first);
    c->gaps[first] = (struct tcp_gap){start, end};
    return true;
}

static void advance(struct tcp_connection *c, uint32_t end) {
    c->count += end - c->rcv_nxt;
    c->rcv_nxt = end;
    while (c->gap_count && tcp_at_or_before(c->gaps[0].start, c->rcv_nxt)) {
        if (tcp_before(c->rcv_nxt, c->gaps[0].end)) {
            c->count += c->gaps[0].end - c->rcv_nxt;
            c->rcv_nxt = c->gaps[0].end;
        }
        c->gap_count--;
        memmove(&c->gaps[0], &c->gaps[1], c->gap_count * sizeof c->gaps[0]);
    }
    c->readable = true;
}

/* Takes data whose first octet is at or beyond RCV.NXT and whose last is within the window. */
void tcp_receive(struct tcp_connection *c, uint32_t sequence, const uint8_t *data, size_t count) {
    size_t ahead = sequence - c->rcv_nxt;
    if (c->kept + c->count + ahead + count > c->tcp->limits.receive_bytes)
        move_to_front(c);
    if (ahead && !add_gap(c, sequence, sequence + (uint32_t)count))
        return;
    memcpy(c->store + c->kept + c->count + ahead, data, count);
    if (!ahead)
        advance(c, sequence + (uint32_t)count);
}

/* Forgets octets that the upper layer took. */
void tcp_consume(struct tcp_connection *c, size_t count) {
    c->kept += count;
    c->count -= count;
    c->consumed |= count > 0;
    if (!c->count && !c->gap_count)
        c->kept = 0;
}
