/* IPv4 without options sent, fragments refused (RFC 791, RFC 1122). */
#pragma once

#include "arp.h"
#include "ethernet.h"
#include "net.h"

#define IPV4_PROTOCOLS 3
#define IPV4_BROADCAST UINT32_C(0xffffffff)
#define IPV4_EARLY 4        /* datagrams kept while there is no address yet, the newest */
#define IPV4_EARLY_SIZE 128 /* longer ones are not kept: a SYN is shorter */
#define IPV4_EARLY_AGE NET_SECOND

struct ipv4_packet {
    uint32_t source, destination;
    const uint8_t *payload;
    size_t size;
    bool broadcast; /* sent to everyone on the network */
};

typedef void ipv4_handler(void *context, const struct ipv4_packet *packet);

/* A datagram that came before the address did. A client that connects while DHCP is still at work
 * (an emulator may accept for us as soon as it runs) is then served at once, not when its SYN is
 * repeated. */
struct ipv4_early {
    uint8_t bytes[IPV4_EARLY_SIZE];
    size_t size; /* 0: free */
    uint64_t at;
};

struct ipv4 {
    struct net *net;
    struct ethernet *ethernet;
    struct arp *arp;
    uint32_t address, mask, gateway; /* address 0: not configured yet */
    uint16_t identification;
    struct {
        uint8_t protocol;
        bool unconfigured; /* also called while there is no address, whatever the destination */
        ipv4_handler *handler;
        void *context;
    } protocols[IPV4_PROTOCOLS];
    struct ipv4_early early[IPV4_EARLY];
    size_t early_next;
};

void ipv4_open(struct ipv4 *ipv4, struct net *net, struct ethernet *ethernet, struct arp *arp);

/* Sets or (address 0) removes the address, announces it, asks for the gateway's, and takes what
 * came early for it. */
void ipv4_configure(struct ipv4 *ipv4, uint32_t address, uint32_t mask, uint32_t gateway);

void ipv4_register(struct ipv4 *ipv4, uint8_t protocol, bool unconfigured, ipv4_handler *handler,
                   void *context);

/* Sends the `size` octets that begin at frame + NET_PAYLOAD_OFFSET; the headers before them are
 * filled in. True if it went out or waits for the neighbour's address; false if the device has no
 * room now or there is no way to the destination. */
bool ipv4_send(struct ipv4 *ipv4, uint32_t destination, uint8_t protocol, uint8_t *frame,
               size_t size);
