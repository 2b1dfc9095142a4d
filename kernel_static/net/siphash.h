/* A keyed hash for short inputs (Aumasson and Bernstein, 2012), so that nobody who lacks the key
 * can foresee initial sequence numbers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
    uint64_t low, high;
};

/* SipHash-2-4 of `count` octets. */
uint64_t siphash(const struct siphash_key *key, const uint8_t *bytes, size_t count);
