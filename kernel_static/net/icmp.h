/* ICMP echo (RFC 792); every other message is counted and ignored. */
#pragma once

#include "ipv4.h"

struct icmp {
    struct net *net;
    struct ipv4 *ipv4;
};

void icmp_open(struct icmp *icmp, struct net *net, struct ipv4 *ipv4);
