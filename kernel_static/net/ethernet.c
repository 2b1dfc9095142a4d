/* Ethernet II framing. */
#include "ethernet.h"

#include <string.h>

#include "panic.h"
#include "protocols/ethernet.h"

#define GROUP_BIT 1 /* of the first octet: multicast and broadcast (IEEE 802.3, 3.2.3) */

_Static_assert(NIC_FRAME_LEAST == ETHERNET_HEADER_SIZE, "the shortest frame is a header");

const uint8_t ethernet_broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ethernet_open(struct ethernet *ethernet, struct net *net, struct nic *nic) {
    *ethernet = (struct ethernet){.net = net, .nic = nic};
}

void ethernet_register(struct ethernet *ethernet, uint16_t type, ethernet_handler *handler,
                       void *context) {
    size_t i = 0;
    while (i < ETHERNET_TYPES && ethernet->types[i].handler)
        i++;
    kernel_assert(i < ETHERNET_TYPES);
    ethernet->types[i].type = type;
    ethernet->types[i].handler = handler;
    ethernet->types[i].context = context;
}

bool ethernet_send(struct ethernet *ethernet, const uint8_t destination[6], uint16_t type,
                   uint8_t *frame, size_t size) {
    ethernet_start(frame);
    ethernet_set_destination(frame, destination);
    ethernet_set_source(frame, ethernet->nic->mac);
    ethernet_set_ethertype(frame, type);
    if (!ethernet->nic->transmit(ethernet->nic, frame, size)) {
        ethernet->net->counters.ethernet_busy++;
        return false;
    }
    ethernet->net->counters.ethernet_sent++;
    return true;
}

void ethernet_receive(struct ethernet *ethernet, const uint8_t *frame, size_t size) {
    struct net_counters *counters = &ethernet->net->counters;
    struct ethernet_view view;
    counters->ethernet_received++;
    if (!ethernet_check(frame, size, &view)) {
        net_drop(&counters->ethernet_malformed, "ethernet", "no room for a header");
        return;
    }
    if (ethernet_source(view)[0] & GROUP_BIT) {
        net_drop(&counters->ethernet_malformed, "ethernet", "sent by a group address");
        return;
    }
    const uint8_t *destination = ethernet_destination(view);
    if (memcmp(destination, ethernet->nic->mac, 6) && memcmp(destination, ethernet_broadcast, 6)) {
        net_drop(&counters->ethernet_not_ours, "ethernet", "for somebody else");
        return;
    }
    for (size_t i = 0; i < ETHERNET_TYPES && ethernet->types[i].handler; i++) {
        if (ethernet->types[i].type == ethernet_ethertype(view)) {
            ethernet->types[i].handler(ethernet->types[i].context, ethernet_source(view),
                                       ethernet_payload(view), ethernet_payload_size(view));
            return;
        }
    }
    net_drop(&counters->ethernet_unknown_type, "ethernet", "a type that nobody takes");
}
