/* What the network has counted, as metrics. */
#include "exposition.h"
#include "network_status.h"

static void measure_device(void) {
    struct nic_counters counters = network_nic_counters();
    metric_set(METRIC_NIC_FRAMES_RECEIVED, counters.received);
    metric_set(METRIC_NIC_FRAMES_SENT, counters.sent);
    metric_set(METRIC_NIC_RECEIVED, counters.received_octets);
    metric_set(METRIC_NIC_SENT, counters.sent_octets);
    metric_set(METRIC_NIC_DROPPED_DAMAGED, counters.damaged);
    metric_set(METRIC_NIC_DROPPED_TOO_LONG, counters.too_long);
    metric_set(METRIC_NIC_DROPPED_TOO_SHORT, counters.too_short);
    metric_set(METRIC_NIC_DROPPED_NO_ROOM, counters.no_room);
    metric_set(METRIC_NIC_DROPPED_NOT_SENT, counters.not_sent);
    metric_set(METRIC_NIC_RING_FULL, counters.ring_full);
}

static void measure_drops(const struct net_counters *counters) {
    metric_set(METRIC_NETWORK_DROPPED_ETHERNET_MALFORMED, counters->ethernet_malformed);
    metric_set(METRIC_NETWORK_DROPPED_ETHERNET_NOT_OURS, counters->ethernet_not_ours);
    metric_set(METRIC_NETWORK_DROPPED_ETHERNET_UNKNOWN_TYPE, counters->ethernet_unknown_type);
    metric_set(METRIC_NETWORK_DROPPED_ARP_MALFORMED, counters->arp_malformed);
    metric_set(METRIC_NETWORK_DROPPED_ARP_UNRESOLVED, counters->arp_unresolved);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_MALFORMED, counters->ipv4_malformed);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_BAD_CHECKSUM, counters->ipv4_bad_checksum);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_FRAGMENT, counters->ipv4_fragments);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_NOT_OURS, counters->ipv4_not_ours);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_UNKNOWN_PROTOCOL, counters->ipv4_unknown_protocol);
    metric_set(METRIC_NETWORK_DROPPED_IPV4_UNROUTABLE, counters->ipv4_unroutable);
    metric_set(METRIC_NETWORK_DROPPED_ICMP_MALFORMED, counters->icmp_malformed);
    metric_set(METRIC_NETWORK_DROPPED_ICMP_IGNORED, counters->icmp_ignored);
    metric_set(METRIC_NETWORK_DROPPED_UDP_MALFORMED, counters->udp_malformed);
    metric_set(METRIC_NETWORK_DROPPED_UDP_BAD_CHECKSUM, counters->udp_bad_checksum);
    metric_set(METRIC_NETWORK_DROPPED_UDP_NO_PORT, counters->udp_no_port);
    metric_set(METRIC_NETWORK_DROPPED_DHCP_MALFORMED, counters->dhcp_malformed);
    metric_set(METRIC_NETWORK_DROPPED_DHCP_IGNORED, counters->dhcp_ignored);
    metric_set(METRIC_NETWORK_DROPPED_TCP_MALFORMED, counters->tcp_malformed);
    metric_set(METRIC_NETWORK_DROPPED_TCP_BAD_CHECKSUM, counters->tcp_bad_checksum);
    metric_set(METRIC_NETWORK_DROPPED_TCP_NO_MEMORY, counters->tcp_no_memory);
}

static void measure_tcp(const struct net_counters *counters) {
    struct tcp_usage usage = network_tcp_usage();
    uint64_t fast = counters->tcp_fast_retransmissions;
    metric_set(METRIC_HEAP_OWNED_TRANSPORT, usage.bytes);
    metric_set(METRIC_TCP_CONNECTIONS_OPEN, usage.connections);
    metric_set(METRIC_TCP_CONNECTIONS_HANDSHAKE, usage.pending);
    metric_set(METRIC_TCP_CONNECTIONS_TIME_WAIT, usage.waiting);
    metric_set(METRIC_TCP_SEGMENTS_RECEIVED, counters->tcp_received);
    metric_set(METRIC_TCP_SEGMENTS_SENT, counters->tcp_sent);
    metric_set(METRIC_TCP_ACCEPTED, counters->tcp_accepted);
    metric_set(METRIC_TCP_SPARED, counters->tcp_spared);
    metric_set(METRIC_TCP_RETRANSMISSIONS_TIMEOUT, counters->tcp_retransmissions - fast);
    metric_set(METRIC_TCP_RETRANSMISSIONS_DUPLICATE_ACKS, fast);
    metric_set(METRIC_TCP_OUT_OF_ORDER, counters->tcp_out_of_order);
    metric_set(METRIC_TCP_DUPLICATES, counters->tcp_duplicates);
    metric_set(METRIC_TCP_PROBES, counters->tcp_probes);
    metric_set(METRIC_TCP_CHALLENGES, counters->tcp_challenges);
    metric_set(METRIC_TCP_RESETS_PEER, counters->tcp_resets_received);
    metric_set(METRIC_TCP_RESETS_TIMED_OUT, counters->tcp_timed_out);
    metric_set(METRIC_TCP_RESETS_SENT, counters->tcp_resets_sent);
    metric_set(METRIC_TCP_REFUSED_BACKLOG, counters->tcp_backlog_full);
    metric_set(METRIC_TCP_REFUSED_ROOM, counters->tcp_no_room);
    metric_set(METRIC_LIMIT_REFUSALS_BACKLOG, counters->tcp_backlog_full);
    metric_set(METRIC_LIMIT_REFUSALS_CONNECTIONS, counters->tcp_no_room + counters->tcp_spared);
}

static void measure(void) {
    const struct net_counters *counters = network_counters();
    measure_device();
    measure_drops(counters);
    measure_tcp(counters);
    metric_set(METRIC_ARP_CONFLICTS, counters->arp_conflicts);
    metric_set(METRIC_ICMP_ECHOES, counters->icmp_echoes);
}

void network_metrics_start(void) { exposition_provide(METRICS_NETWORK, measure); }
