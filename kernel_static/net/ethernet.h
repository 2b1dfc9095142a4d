/* Ethernet II frames over one device (RFC 894). */
#pragma once

#include "net.h"
#include "nic.h"

#define ETHERNET_TYPES 2

extern const uint8_t ethernet_broadcast[6];

/* `source` is the sender's address, `payload` what follows the header, padding included. */
typedef void ethernet_handler(void *context, const uint8_t source[6], const uint8_t *payload,
                              size_t size);

struct ethernet {
    struct net *net;
    struct nic *nic;
    struct {
        uint16_t type;
        ethernet_handler *handler;
        void *context;
    } types[ETHERNET_TYPES];
};

void ethernet_open(struct ethernet *ethernet, struct net *net, struct nic *nic);

/* Registers who gets frames of this type; at most ETHERNET_TYPES. */
void ethernet_register(struct ethernet *ethernet, uint16_t type, ethernet_handler *handler,
                       void *context);

/* Fills in the header, which is the first 14 of the frame's `size` octets, and sends. False if
 * the device has no room now. */
bool ethernet_send(struct ethernet *ethernet, const uint8_t destination[6], uint16_t type,
                   uint8_t *frame, size_t size);

/* Takes one received frame. */
void ethernet_receive(struct ethernet *ethernet, const uint8_t *frame, size_t size);
