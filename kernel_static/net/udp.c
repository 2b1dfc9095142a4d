/* UDP with its optional checksum checked when present and always sent. */
#include "udp.h"

#include "checksum.h"
#include "panic.h"
#include "protocols/ipv4.h"
#include "protocols/udp.h"

void udp_register(struct udp *udp, uint16_t port, udp_handler *handler, void *context) {
    size_t i = 0;
    while (i < UDP_PORTS && udp->ports[i].handler)
        i++;
    kernel_assert(i < UDP_PORTS);
    udp->ports[i].port = port;
    udp->ports[i].handler = handler;
    udp->ports[i].context = context;
}

bool udp_send(struct udp *udp, uint32_t destination, uint16_t source_port,
              uint16_t destination_port, uint8_t *frame, size_t size) {
    uint8_t *header = frame + NET_PAYLOAD_OFFSET;
    size_t whole = UDP_HEADER_SIZE + size;
    udp_start(header);
    udp_set_source_port(header, source_port);
    udp_set_destination_port(header, destination_port);
    udp_set_length(header, (uint16_t)whole);
    uint64_t sum =
        checksum_pseudo_header(udp->ipv4->address, destination, IPV4_PROTOCOL_UDP, whole);
    uint16_t checksum = checksum_finish(checksum_add(sum, header, whole));
    udp_set_checksum(header, checksum ? checksum : 0xffff); /* 0 would mean "none" */
    return ipv4_send(udp->ipv4, destination, IPV4_PROTOCOL_UDP, frame, whole);
}

static void udp_input(void *context, const struct ipv4_packet *packet) {
    struct udp *udp = context;
    struct net_counters *counters = &udp->net->counters;
    struct udp_view view;
    if (!udp_check(packet->payload, packet->size, &view)) {
        net_drop(&counters->udp_malformed, "udp", "bad length");
        return;
    }
    uint64_t sum =
        checksum_pseudo_header(packet->source, packet->destination, IPV4_PROTOCOL_UDP, view.size);
    if (udp_checksum(view) && checksum_finish(checksum_add(sum, view.bytes, view.size))) {
        net_drop(&counters->udp_bad_checksum, "udp", "bad checksum");
        return;
    }
    for (size_t i = 0; i < UDP_PORTS && udp->ports[i].handler; i++) {
        if (udp->ports[i].port == udp_destination_port(view)) {
            udp->ports[i].handler(udp->ports[i].context, packet->source, udp_source_port(view),
                                  udp_payload(view), udp_payload_size(view));
            return;
        }
    }
    net_drop(&counters->udp_no_port, "udp", "nobody listens");
}

void udp_open(struct udp *udp, struct net *net, struct ipv4 *ipv4) {
    *udp = (struct udp){.net = net, .ipv4 = ipv4};
    ipv4_register(ipv4, IPV4_PROTOCOL_UDP, true, udp_input, udp);
}
