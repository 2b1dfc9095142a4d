/* Segments: octets to meaning and back. */
#include <string.h>

#include "checksum.h"
#include "protocols/ipv4.h"
#include "protocols/tcp.h"
#include "tcp_internal.h"

#define SYN_OPTIONS_SIZE 8   /* MSS, and window scale behind one no-operation */
#define WINDOW_SHIFT_MOST 14 /* RFC 7323, 2.3 */

/* Reads the options that count; false if the list is malformed. */
static bool parse_options(struct tcp_view view, struct tcp_segment *out) {
    struct tcp_option_cursor cursor = tcp_option_first(view);
    struct tcp_option option;
    uint8_t shift;
    while (tcp_option_next(&cursor, &option)) {
        switch (option.type) {
        case TCP_OPTION_MSS:
            if (!tcp_option_mss(&option, &out->mss))
                return false;
            break;
        case TCP_OPTION_WINDOW_SCALE:
            if (!tcp_option_window_scale(&option, &shift))
                return false;
            out->window_shift = shift < WINDOW_SHIFT_MOST ? shift : WINDOW_SHIFT_MOST;
            break;
        default: /* RFC 9293, 3.1: ignore what is not understood */
            break;
        }
    }
    return !cursor.malformed;
}

bool tcp_segment_parse(struct tcp *tcp, const struct ipv4_packet *packet, struct tcp_segment *out) {
    struct net_counters *counters = &tcp->net->counters;
    struct tcp_view view;
    if (!tcp_check(packet->payload, packet->size, &view)) {
        net_drop(&counters->tcp_malformed, "tcp", "bad header length");
        return false;
    }
    uint64_t sum = checksum_pseudo_header(packet->source, packet->destination, IPV4_PROTOCOL_TCP,
                                          packet->size);
    if (checksum_finish(checksum_add(sum, packet->payload, packet->size))) {
        net_drop(&counters->tcp_bad_checksum, "tcp", "bad checksum");
        return false;
    }
    unsigned flags = tcp_flags(view);
    *out = (struct tcp_segment){
        .remote_address = packet->source,
        .remote_port = tcp_source_port(view),
        .local_port = tcp_destination_port(view),
        .sequence = tcp_sequence_number(view),
        .acknowledgment = tcp_acknowledgment_number(view),
        .window = tcp_window(view),
        .syn = flags & TCP_FLAGS_SYN,
        .ack = flags & TCP_FLAGS_ACK,
        .fin = flags & TCP_FLAGS_FIN,
        .rst = flags & TCP_FLAGS_RST,
        .push = flags & TCP_FLAGS_PSH,
        .window_shift = -1,
        .data = tcp_payload(view),
        .count = tcp_payload_size(view),
    };
    if (packet->broadcast || !out->remote_port || !out->local_port || !parse_options(view, out) ||
        (out->syn && (out->fin || out->rst))) {
        net_drop(&counters->tcp_malformed, "tcp", "broadcast, port 0, bad options or flags");
        return false;
    }
    return true;
}

bool tcp_segment_send(struct tcp *tcp, const struct tcp_segment *segment, const uint8_t *more,
                      size_t more_count) {
    uint8_t frame[NET_FRAME_BYTES];
    uint8_t *header = frame + NET_PAYLOAD_OFFSET, *at = header + TCP_HEADER_SIZE;
    tcp_start(header);
    if (segment->mss)
        at += tcp_put_option_mss(at, segment->mss);
    if (segment->window_shift >= 0) {
        at += tcp_put_option_nop(at);
        at += tcp_put_option_window_scale(at, (uint8_t)segment->window_shift);
    }
    tcp_set_header_size(header, (size_t)(at - header));
    if (segment->count)
        memcpy(at, segment->data, segment->count);
    at += segment->count;
    if (more_count)
        memcpy(at, more, more_count);
    at += more_count;
    size_t size = (size_t)(at - header);
    tcp_set_source_port(header, segment->local_port);
    tcp_set_destination_port(header, segment->remote_port);
    tcp_set_sequence_number(header, segment->sequence);
    tcp_set_acknowledgment_number(header, segment->acknowledgment);
    tcp_set_window(header, (uint16_t)segment->window);
    tcp_set_flags(
        header, (uint8_t)((segment->syn ? TCP_FLAGS_SYN : 0) | (segment->ack ? TCP_FLAGS_ACK : 0) |
                          (segment->fin ? TCP_FLAGS_FIN : 0) | (segment->rst ? TCP_FLAGS_RST : 0) |
                          (segment->push ? TCP_FLAGS_PSH : 0)));
    uint64_t sum = checksum_pseudo_header(tcp->ipv4->address, segment->remote_address,
                                          IPV4_PROTOCOL_TCP, size);
    tcp_set_checksum(header, checksum_finish(checksum_add(sum, header, size)));
    bool sent = ipv4_send(tcp->ipv4, segment->remote_address, IPV4_PROTOCOL_TCP, frame, size);
    tcp->net->counters.tcp_sent += sent;
    return sent;
}

void tcp_refuse(struct tcp *tcp, const struct tcp_segment *segment) {
    if (segment->rst)
        return;
    struct tcp_segment reset = {
        .remote_address = segment->remote_address,
        .remote_port = segment->remote_port,
        .local_port = segment->local_port,
        .rst = true,
        .window_shift = -1,
    };
    if (segment->ack) {
        reset.sequence = segment->acknowledgment;
    } else {
        reset.ack = true;
        reset.acknowledgment =
            segment->sequence + (uint32_t)segment->count + segment->syn + segment->fin;
    }
    tcp->net->counters.tcp_resets_sent++;
    tcp_segment_send(tcp, &reset, NULL, 0);
}
