/* Gets the address from a DHCP server (RFC 2131), keeps the lease, and falls back to a fixed
 * address when nobody answers, while it goes on asking. */
#pragma once

#include "address.h"
#include "net.h"
#include "udp.h"

/* What a virtual machine on QEMU's user network would have been given. */
#define DHCP_FALLBACK "10.0.2.15/24,10.0.2.2"
#define DHCP_FALLBACK_AFTER (10 * NET_SECOND)
#define DHCP_RETRY_FIRST                                                                           \
    (500 * NET_MILLISECOND) /* doubles each time; RFC 2131, 4.1 begins at 4 s */
#define DHCP_RETRY_MOST (64 * NET_SECOND)
#define DHCP_RENEW_LEAST (60 * NET_SECOND) /* between renewals (RFC 2131, 4.4.5) */
#define DHCP_DECLINE_PAUSE (10 * NET_SECOND)

enum dhcp_state {
    DHCP_SELECTING,  /* discover sent, or about to be */
    DHCP_REQUESTING, /* request for an offer sent */
    DHCP_BOUND,
    DHCP_RENEWING,  /* asking the server that gave the lease */
    DHCP_REBINDING, /* asking any server */
};

struct dhcp {
    struct net *net;
    struct udp *udp;
    const uint8_t *mac;
    /* Called when the address is to change: null when there is none any more. `how` is for the
     * log. */
    void (*configured)(void *context, const struct address_setting *setting, const char *how);
    void *context;
    enum dhcp_state state;
    uint32_t transaction;
    struct address_setting offer; /* offered, or leased */
    uint32_t server;
    uint64_t began;    /* this acquisition */
    uint64_t send_at;  /* next message, or T1 when bound */
    uint64_t retry;    /* current interval */
    unsigned sent;     /* messages of this state */
    uint64_t asked_at; /* when the request went out: the lease counts from there */
    uint64_t rebind_at, expires;
    bool fallen_back;
};

/* Sends the first discover at once. `mac` must stay valid. */
void dhcp_open(struct dhcp *dhcp, struct net *net, struct udp *udp, const uint8_t *mac,
               void (*configured)(void *context, const struct address_setting *setting,
                                  const char *how),
               void *context);

/* The link came up, or the address turned out to be taken (then the lease is declined). */
void dhcp_link_up(struct dhcp *dhcp);
void dhcp_decline(struct dhcp *dhcp);

bool dhcp_poll(struct dhcp *dhcp);
uint64_t dhcp_deadline(const struct dhcp *dhcp);
