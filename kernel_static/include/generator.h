/* Random octets from a seed, by ChaCha20 with fast key erasure (Bernstein, "Fast-key-erasure
 * random-number generators", 2017): a key is stretched to a few blocks, of which the first octets
 * replace the key and the rest are handed out, each erased as it goes. Who sees the state learns
 * nothing of what was handed out before.
 *
 * Seeds are mixed in as OpenBSD's arc4random does (_rs_rekey): the key is stretched, and the seed
 * added to the next one. So any number of seeds add up, and a bad one takes nothing away.
 *
 * Nothing here knows when to seed. On a PC, platform/pc/entropy.c does, before the first number and
 * whenever a minute has passed since; hosted, the host's own generator is asked instead. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "chacha20.h"

#define GENERATOR_BLOCKS 4

/* Begins as zeros. */
struct generator {
    uint8_t stream[GENERATOR_BLOCKS * CHACHA20_BLOCK_BYTES]; /* the key, then what is handed out */
    size_t left; /* of `stream`, at its end; what lies between it and the key is zero */
};

/* Must have been called before the first generator_fill, with a seed that nobody can guess. */
void generator_seed(struct generator *generator, const uint8_t seed[CHACHA20_KEY_BYTES]);

void generator_fill(struct generator *generator, void *bytes, size_t count);
