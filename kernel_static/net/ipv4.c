/* IPv4: whole datagrams only. */
#include "ipv4.h"

#include <string.h>

#include "address.h"
#include "checksum.h"
#include "panic.h"
#include "protocols/ethernet.h"
#include "protocols/ipv4.h"

static void ipv4_input(void *context, const uint8_t source[6], const uint8_t *bytes, size_t size);

void ipv4_open(struct ipv4 *ipv4, struct net *net, struct ethernet *ethernet, struct arp *arp) {
    *ipv4 = (struct ipv4){.net = net, .ethernet = ethernet, .arp = arp};
    ipv4->identification = (uint16_t)net_random32(net);
    ethernet_register(ethernet, ETHERNET_ETHERTYPE_IPV4, ipv4_input, ipv4);
}

void ipv4_register(struct ipv4 *ipv4, uint8_t protocol, bool unconfigured, ipv4_handler *handler,
                   void *context) {
    size_t i = 0;
    while (i < IPV4_PROTOCOLS && ipv4->protocols[i].handler)
        i++;
    kernel_assert(i < IPV4_PROTOCOLS);
    ipv4->protocols[i].protocol = protocol;
    ipv4->protocols[i].unconfigured = unconfigured;
    ipv4->protocols[i].handler = handler;
    ipv4->protocols[i].context = context;
}

static bool is_broadcast(const struct ipv4 *ipv4, uint32_t destination) {
    return destination == IPV4_BROADCAST || (ipv4->address && ipv4->mask < address_mask(31) &&
                                             destination == (ipv4->address | ~ipv4->mask));
}

/* Don't Fragment stays clear: path MTU discovery, which it is for, needs ICMP messages that we do
 * not act on, and a narrower path would swallow our segments. */
bool ipv4_send(struct ipv4 *ipv4, uint32_t destination, uint8_t protocol, uint8_t *frame,
               size_t size) {
    uint8_t *header = frame + NET_IPV4_OFFSET;
    size_t whole = NET_PAYLOAD_OFFSET + size;
    ipv4_start(header);
    ipv4_set_total_length(header, (uint16_t)(IPV4_HEADER_SIZE + size));
    ipv4_set_identification(header, ipv4->identification++);
    ipv4_set_protocol(header, protocol);
    ipv4_set_source(header, ipv4->address);
    ipv4_set_destination(header, destination);
    ipv4_set_header_checksum(header, checksum_finish(checksum_add(0, header, IPV4_HEADER_SIZE)));
    if (is_broadcast(ipv4, destination))
        return ethernet_send(ipv4->ethernet, ethernet_broadcast, ETHERNET_ETHERTYPE_IPV4, frame,
                             whole);
    bool local = !((destination ^ ipv4->address) & ipv4->mask);
    uint32_t next = local ? destination : ipv4->gateway;
    if (!ipv4->address || !next) {
        net_drop(&ipv4->net->counters.ipv4_unroutable, "ipv4", "no way to the destination");
        return false;
    }
    return arp_send(ipv4->arp, next, frame, whole);
}

/* Null if the datagram may be taken, else why not; `counter` is set then. */
static const char *refusal(struct ipv4 *ipv4, const uint8_t *bytes, struct ipv4_view view,
                           uint64_t **counter) {
    struct net_counters *counters = &ipv4->net->counters;
    *counter = &counters->ipv4_bad_checksum;
    if (checksum_finish(checksum_add(0, bytes, ipv4_header_size(view))))
        return "bad header checksum";
    *counter = &counters->ipv4_malformed;
    uint32_t source = ipv4_source(view);
    if (!address_is_unicast(source) || is_broadcast(ipv4, source) || source == ipv4->address)
        return "source is not another host";
    *counter = &counters->ipv4_fragments;
    if ((ipv4_flags(view) & IPV4_FLAGS_MF) || ipv4_fragment_offset(view))
        return "a fragment";
    return NULL;
}

static void keep_early(struct ipv4 *ipv4, struct ipv4_view view) {
    struct ipv4_early *early = &ipv4->early[ipv4->early_next];
    if (view.size > sizeof early->bytes)
        return;
    ipv4->early_next = (ipv4->early_next + 1) % IPV4_EARLY;
    early->size = view.size;
    early->at = net_now(ipv4->net);
    memcpy(early->bytes, view.bytes, view.size);
}

static void ipv4_input(void *context, const uint8_t source[6], const uint8_t *bytes, size_t size) {
    struct ipv4 *ipv4 = context;
    struct net_counters *counters = &ipv4->net->counters;
    struct ipv4_view view;
    uint64_t *counter;
    (void)source;
    counters->ipv4_received++;
    if (!ipv4_check(bytes, size, &view)) {
        net_drop(&counters->ipv4_malformed, "ipv4", "bad version or length");
        return;
    }
    const char *why = refusal(ipv4, bytes, view, &counter);
    if (why) {
        net_drop(counter, "ipv4", why);
        return;
    }
    struct ipv4_packet packet = {
        .source = ipv4_source(view),
        .destination = ipv4_destination(view),
        .payload = ipv4_payload(view),
        .size = ipv4_payload_size(view),
        .broadcast = is_broadcast(ipv4, ipv4_destination(view)),
    };
    bool ours = ipv4->address && (packet.destination == ipv4->address || packet.broadcast);
    for (size_t i = 0; i < IPV4_PROTOCOLS && ipv4->protocols[i].handler; i++) {
        if (ipv4->protocols[i].protocol != ipv4_protocol(view))
            continue;
        if (ours || (!ipv4->address && ipv4->protocols[i].unconfigured))
            ipv4->protocols[i].handler(ipv4->protocols[i].context, &packet);
        else if (!ipv4->address && !packet.broadcast)
            keep_early(ipv4, view);
        else
            net_drop(&counters->ipv4_not_ours, "ipv4", "for another address");
        return;
    }
    net_drop(&counters->ipv4_unknown_protocol, "ipv4", "a protocol that nobody takes");
}

/* Oldest first; each is checked as if it came now. */
static void take_early(struct ipv4 *ipv4) {
    uint64_t now = net_now(ipv4->net);
    for (size_t i = 0; i < IPV4_EARLY; i++) {
        struct ipv4_early *early = &ipv4->early[(ipv4->early_next + i) % IPV4_EARLY];
        size_t size = early->size;
        early->size = 0;
        if (size && now - early->at < IPV4_EARLY_AGE)
            ipv4_input(ipv4, ethernet_broadcast, early->bytes, size);
    }
}

void ipv4_configure(struct ipv4 *ipv4, uint32_t address, uint32_t mask, uint32_t gateway) {
    ipv4->address = address;
    ipv4->mask = mask;
    ipv4->gateway = gateway;
    arp_configure(ipv4->arp, address, mask);
    if (address && gateway && !((gateway ^ address) & mask))
        arp_prepare(ipv4->arp, gateway);
    if (address)
        take_early(ipv4);
}
