/* Reads and writes IPv4 addresses. */
#include "address.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct address_text address_format(uint32_t address) {
    struct address_text made;
    snprintf(made.text, sizeof made.text, "%u.%u.%u.%u", (unsigned)(address >> 24),
             (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
             (unsigned)(address & 255));
    return made;
}

/* Reads a decimal number of at most `most`, without leading zeros; null if there is none. */
static const char *read_number(const char *at, unsigned most, unsigned *value) {
    if (*at < '0' || *at > '9' || (at[0] == '0' && at[1] >= '0' && at[1] <= '9'))
        return NULL;
    *value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        *value = *value * 10 + (unsigned)(*at - '0');
        if (*value > most)
            return NULL;
    }
    return at;
}

static const char *read_address(const char *at, uint32_t *address) {
    *address = 0;
    for (int i = 0; i < 4; i++) {
        unsigned octet;
        if (i && *at++ != '.')
            return NULL;
        at = read_number(at, 255, &octet);
        if (!at)
            return NULL;
        *address = *address << 8 | octet;
    }
    return at;
}

bool address_setting_parse(struct text text, struct address_setting *setting) {
    char copy[sizeof "255.255.255.255/32,255.255.255.255"];
    unsigned prefix;
    if (text.count >= sizeof copy)
        return false;
    memcpy(copy, text.bytes, text.count);
    copy[text.count] = '\0';
    const char *at = read_address(copy, &setting->address);
    if (!at || *at != '/')
        return false;
    at = read_number(at + 1, 32, &prefix);
    if (!at)
        return false;
    setting->mask = address_mask(prefix);
    setting->gateway = 0;
    if (*at == ',') {
        at = read_address(at + 1, &setting->gateway);
        if (!at || !address_is_unicast(setting->gateway))
            return false;
    }
    uint32_t host = setting->address & ~setting->mask;
    bool edge = prefix < 31 && (host == 0 || host == ~setting->mask);
    return at == copy + text.count && address_is_unicast(setting->address) && !edge;
}
