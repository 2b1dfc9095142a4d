/* IPv4 addresses as text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define ADDRESS_TEXT_BYTES 16 /* "255.255.255.255" and its zero */

struct address_text {
    char text[ADDRESS_TEXT_BYTES];
};

struct address_text address_format(uint32_t address);

/* An interface's address as in `ip=a.b.c.d/nn[,gateway]`; gateway 0 is none. */
struct address_setting {
    uint32_t address, mask, gateway;
};

/* False if the text is anything else, or the address cannot be a host's on that network. */
bool address_setting_parse(struct text text, struct address_setting *setting);

/* The netmask of a prefix length 0 to 32. */
static inline uint32_t address_mask(unsigned prefix) {
    return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

/* False for 0/8, loopback, multicast, reserved and broadcast addresses (RFC 6890). */
static inline bool address_is_unicast(uint32_t address) {
    uint32_t first = address >> 24;
    return first != 0 && first != 127 && first < 224;
}
