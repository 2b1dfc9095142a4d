/* What every layer of the network stack is given: time, random numbers, and where to count.
 *
 * The layers, lowest first: ethernet, arp and ipv4, icmp and udp and tcp, dhcp over udp. Each
 * calls the one below by name and the one above through handlers registered at start. Addresses
 * travel as numbers in host order (10.0.2.15 is 0x0a00020f), times in nanoseconds. Nothing blocks,
 * and no layer keeps a pointer to a frame after it returns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nic.h"
#include "protocols/ethernet.h"
#include "protocols/ipv4.h"

#define NET_MILLISECOND UINT64_C(1000000)
#define NET_SECOND (1000 * NET_MILLISECOND)
#define NET_NEVER UINT64_MAX

/* The largest frame, and where payloads begin in one that is being built. */
#define NET_FRAME_BYTES NIC_FRAME_MOST
#define NET_IPV4_OFFSET ETHERNET_HEADER_SIZE
#define NET_PAYLOAD_OFFSET (NET_IPV4_OFFSET + IPV4_HEADER_SIZE)

/* Events, for the log, for tests and for people who look why nothing arrives. */
struct net_counters {
    uint64_t ethernet_received, ethernet_sent, ethernet_malformed, ethernet_not_ours;
    uint64_t ethernet_unknown_type, ethernet_busy;
    uint64_t arp_malformed, arp_conflicts, arp_unresolved, arp_learned;
    uint64_t ipv4_received, ipv4_malformed, ipv4_bad_checksum, ipv4_fragments, ipv4_not_ours;
    uint64_t ipv4_unknown_protocol, ipv4_unroutable;
    uint64_t icmp_malformed, icmp_echoes, icmp_ignored;
    uint64_t udp_malformed, udp_bad_checksum, udp_no_port;
    uint64_t dhcp_malformed, dhcp_ignored, dhcp_sent;
    uint64_t tcp_malformed, tcp_bad_checksum, tcp_resets_sent, tcp_challenges, tcp_accepted;
    uint64_t tcp_no_room, tcp_spared, tcp_backlog_full, tcp_retransmissions,
        tcp_fast_retransmissions;
    uint64_t tcp_duplicates, tcp_out_of_order, tcp_timed_out, tcp_probes;
    uint64_t tcp_received, tcp_sent, tcp_resets_received, tcp_no_memory;
};

/* `clock` is monotonic; `random` is fit for keys. Both get `context`. */
struct net {
    uint64_t (*clock)(void *context);
    void (*random)(void *context, void *bytes, size_t count);
    void *context;
    struct net_counters counters;
};

static inline uint64_t net_now(const struct net *net) { return net->clock(net->context); }

static inline uint32_t net_random32(const struct net *net) {
    uint32_t value;
    net->random(net->context, &value, sizeof value);
    return value;
}

static inline uint64_t net_earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Counts a frame that is dropped, and says why at debug level. */
void net_drop(uint64_t *counter, const char *layer, const char *why);
