/* UDP datagrams (RFC 768). */
#pragma once

#include "ipv4.h"
#include "protocols/udp.h"

#define UDP_PORTS 2
#define UDP_PAYLOAD_OFFSET (NET_PAYLOAD_OFFSET + UDP_HEADER_SIZE)

typedef void udp_handler(void *context, uint32_t source, uint16_t source_port, const uint8_t *bytes,
                         size_t size);

struct udp {
    struct net *net;
    struct ipv4 *ipv4;
    struct {
        uint16_t port;
        udp_handler *handler;
        void *context;
    } ports[UDP_PORTS];
};

void udp_open(struct udp *udp, struct net *net, struct ipv4 *ipv4);

void udp_register(struct udp *udp, uint16_t port, udp_handler *handler, void *context);

/* Sends the `size` octets at frame + UDP_PAYLOAD_OFFSET. False as ipv4_send. */
bool udp_send(struct udp *udp, uint32_t destination, uint16_t source_port,
              uint16_t destination_port, uint8_t *frame, size_t size);
