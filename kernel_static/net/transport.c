/* The transport over the kernel's own TCP: where the layers are put together and meet the clock,
 * the entropy and the device. A stream is a TCP connection. */
#include "transport.h"

#include "address.h"
#include "appliance.h"
#include "arp.h"
#include "command_line.h"
#include "dhcp.h"
#include "ethernet.h"
#include "icmp.h"
#include "ipv4.h"
#include "log.h"
#include "network_status.h"
#include "nic.h"
#include "platform.h"
#include "tcp.h"
#include "udp.h"

#define PORT_DEFAULT 80
#define FRAMES_A_POLL 32 /* so that a flood cannot starve timers and the upper layer */

static struct nic *nic;
static struct net net;
static struct ethernet ethernet;
static struct arp arp;
static struct ipv4 ipv4;
static struct icmp icmp;
static struct udp udp;
static struct dhcp dhcp;
static struct tcp *tcp;
static struct stream_events upper;
static uint16_t port;
static bool dynamic; /* the address comes from DHCP */
static bool link_was_up;

static uint64_t read_clock(void *context) {
    (void)context;
    return clock_nanoseconds();
}

static void read_entropy(void *context, void *bytes, size_t count) {
    (void)context;
    entropy_fill(bytes, count);
}

static void *opened(struct tcp_connection *connection) {
    return upper.opened((struct stream *)connection);
}

static struct tcp_connection *spare(void) { return (struct tcp_connection *)upper.spare(); }

static void deliver(void *context, const uint8_t *frame, size_t size) {
    ethernet_receive(context, frame, size);
}

static void configured(void *context, const struct address_setting *setting, const char *how) {
    (void)context;
    if (!setting) {
        log_warn("net", "address %s given up: %s", address_format(ipv4.address).text, how);
        ipv4_configure(&ipv4, 0, 0, 0);
        tcp_reset_all(tcp);
        return;
    }
    bool same = setting->address == ipv4.address && setting->mask == ipv4.mask &&
                setting->gateway == ipv4.gateway;
    if (same)
        return;
    if (ipv4.address && ipv4.address != setting->address)
        tcp_reset_all(tcp);
    ipv4_configure(&ipv4, setting->address, setting->mask, setting->gateway);
    log_info("net", "address %s (%s), gateway %s, listening on port %u",
             address_format(setting->address).text, how, address_format(setting->gateway).text,
             (unsigned)port);
}

static void address_conflict(void *context) {
    (void)context;
    if (dynamic)
        dhcp_decline(&dhcp);
}

bool transport_start(const struct stream_events *events) {
    const struct tcp_limits limits = {
        .connections = LIMIT_CONNECTIONS,
        .backlog = LIMIT_BACKLOG,
        .send_bytes = LIMIT_TCP_SEND_BYTES,
        .receive_bytes = LIMIT_TCP_RECEIVE_BYTES,
    };
    const struct tcp_events tcp_events = {
        .opened = opened,
        .received = events->received,
        .finished = events->finished,
        .writable = events->writable,
        .closed = events->closed,
        .spare = spare,
    };
    struct address_setting setting;
    struct text fixed = command_line_value("ip");
    if (fixed.bytes && !address_setting_parse(fixed, &setting))
        command_line_refuse("ip", "a.b.c.d/nn[,gateway], as in ip=%s", DHCP_FALLBACK);
    port = (uint16_t)command_line_number("port", 1, UINT16_MAX, PORT_DEFAULT);
    nic = nic_open();
    if (!nic)
        return false;
    upper = *events;
    net = (struct net){.clock = read_clock, .random = read_entropy};
    ethernet_open(&ethernet, &net, nic);
    arp_open(&arp, &net, &ethernet);
    arp.conflict = address_conflict;
    ipv4_open(&ipv4, &net, &ethernet, &arp);
    icmp_open(&icmp, &net, &ipv4);
    udp_open(&udp, &net, &ipv4);
    tcp = tcp_listen(&net, &ipv4, port, &limits, &tcp_events);
    if (!tcp)
        return false;
    network_metrics_start();
    link_was_up = nic->link_up(nic);
    dynamic = !fixed.bytes;
    if (dynamic)
        dhcp_open(&dhcp, &net, &udp, nic->mac, configured, NULL);
    else
        configured(NULL, &setting, "command line");
    return true;
}

static bool poll_link(void) {
    bool up = nic->link_up(nic);
    if (up == link_was_up)
        return false;
    link_was_up = up;
    log_info("net", up ? "link up" : "link down");
    if (up && dynamic)
        dhcp_link_up(&dhcp);
    return true;
}

bool transport_poll(void) {
    bool busy = poll_link();
    busy |= nic->receive(nic, FRAMES_A_POLL, deliver, &ethernet) > 0;
    busy |= arp_poll(&arp);
    if (dynamic)
        busy |= dhcp_poll(&dhcp);
    busy |= tcp_poll(tcp);
    return busy;
}

uint64_t transport_deadline(void) {
    uint64_t deadline = net_earlier(arp_deadline(&arp), tcp_deadline(tcp));
    return dynamic ? net_earlier(deadline, dhcp_deadline(&dhcp)) : deadline;
}

static struct tcp_connection *connection_of(struct stream *stream) {
    return (struct tcp_connection *)stream;
}

size_t stream_write(struct stream *stream, const void *bytes, size_t count) {
    return tcp_write(connection_of(stream), bytes, count);
}

size_t stream_writable(const struct stream *stream) {
    return tcp_writable((const struct tcp_connection *)stream);
}

bool stream_settled(const struct stream *stream) {
    return tcp_settled((const struct tcp_connection *)stream);
}

void stream_close(struct stream *stream) { tcp_close(connection_of(stream)); }

void stream_abort(struct stream *stream) { tcp_abort(connection_of(stream)); }

void stream_resume(struct stream *stream) { tcp_resume(connection_of(stream)); }

void stream_rest(struct stream *stream) { tcp_rest(connection_of(stream)); }

const char *stream_peer(const struct stream *stream) {
    return tcp_peer((const struct tcp_connection *)stream);
}

const struct net_counters *network_counters(void) { return &net.counters; }

struct tcp_usage network_tcp_usage(void) { return tcp_usage(tcp); }

struct nic_counters network_nic_counters(void) { return nic->counters(nic); }
