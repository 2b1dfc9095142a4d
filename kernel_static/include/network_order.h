/* Numbers in network byte order (most significant octet first, RFC 1700) at any alignment. What
 * the generated protocols/<name>.h are written with. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint16_t network_load16(const uint8_t *at) {
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

static inline uint32_t network_load32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Any count of octets from 1 to 8. */
static inline uint64_t network_load(const uint8_t *at, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static inline void network_store16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void network_store32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

static inline void network_store(uint8_t *at, size_t count, uint64_t value) {
    for (size_t i = count; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
}
