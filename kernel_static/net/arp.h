/* Which Ethernet address a neighbour's IPv4 address has (RFC 826), and whether somebody else uses
 * ours (RFC 5227). */
#pragma once

#include "ethernet.h"
#include "net.h"

#define ARP_ENTRIES 16
#define ARP_LIFETIME (300 * NET_SECOND) /* unused or unconfirmed entries end; asked anew at 3/4 */
#define ARP_TRIES 3                     /* requests, ARP_RETRY apart, before giving up */
#define ARP_RETRY NET_SECOND
#define ARP_WAITING 4 /* frames that wait for one neighbour, the newest */
#define ARP_DEFEND_INTERVAL (10 * NET_SECOND)

struct arp_entry {
    uint32_t address; /* 0: free */
    bool resolved;
    uint8_t hardware[6];
    uint64_t expires; /* resolved */
    uint64_t ask_at;  /* unresolved: next request; resolved: not before this */
    unsigned tries;
    struct arp_waiting {
        uint8_t *frame; /* from the heap */
        size_t size;
    } waiting[ARP_WAITING]; /* oldest first; they go out when resolved */
    size_t waiting_count;
};

struct arp {
    struct net *net;
    struct ethernet *ethernet;
    uint32_t address, mask; /* ours; 0 while there is none */
    uint64_t conflict_at;   /* last time somebody else claimed our address, 0 if never */
    /* A second conflict within ARP_DEFEND_INTERVAL; may be null. */
    void (*conflict)(void *context);
    void *conflict_context;
    struct arp_entry entries[ARP_ENTRIES];
};

void arp_open(struct arp *arp, struct net *net, struct ethernet *ethernet);

/* Sets our address (0 for none), forgets all neighbours and announces the address. */
void arp_configure(struct arp *arp, uint32_t address, uint32_t mask);

/* Asks for a neighbour that will be needed soon. */
void arp_prepare(struct arp *arp, uint32_t address);

/* Sends an IPv4 frame to the neighbour `address`, at once if its hardware address is known, else
 * when it answers (the newest ARP_WAITING frames wait). False if the device has no room or the
 * heap none for a frame that has to wait. */
bool arp_send(struct arp *arp, uint32_t address, uint8_t *frame, size_t size);

/* Repeats requests, expires entries; true if anything happened. */
bool arp_poll(struct arp *arp);
uint64_t arp_deadline(const struct arp *arp);
