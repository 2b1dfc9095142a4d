/* Answers pings. */
#include "icmp.h"

#include <string.h>

#include "checksum.h"
#include "protocols/icmp.h"
#include "protocols/ipv4.h"

static void icmp_input(void *context, const struct ipv4_packet *packet) {
    struct icmp *icmp = context;
    struct net_counters *counters = &icmp->net->counters;
    struct icmp_view view;
    if (!icmp_check(packet->payload, packet->size, &view) ||
        checksum_finish(checksum_add(0, packet->payload, packet->size))) {
        net_drop(&counters->icmp_malformed, "icmp", "cut short or bad checksum");
        return;
    }
    if (icmp_type(view) != ICMP_TYPE_ECHO || icmp_code(view) || packet->broadcast ||
        packet->size > NET_FRAME_BYTES - NET_PAYLOAD_OFFSET) {
        net_drop(&counters->icmp_ignored, "icmp", "not an echo request for us alone");
        return;
    }
    uint8_t frame[NET_FRAME_BYTES];
    uint8_t *reply = frame + NET_PAYLOAD_OFFSET;
    memcpy(reply, packet->payload, packet->size);
    icmp_set_type(reply, ICMP_TYPE_ECHO_REPLY);
    icmp_set_checksum(reply, 0);
    icmp_set_checksum(reply, checksum_finish(checksum_add(0, reply, packet->size)));
    if (ipv4_send(icmp->ipv4, packet->source, IPV4_PROTOCOL_ICMP, frame, packet->size))
        counters->icmp_echoes++;
}

void icmp_open(struct icmp *icmp, struct net *net, struct ipv4 *ipv4) {
    *icmp = (struct icmp){.net = net, .ipv4 = ipv4};
    ipv4_register(ipv4, IPV4_PROTOCOL_ICMP, false, icmp_input, icmp);
}
