/* The ChaCha20 block function (RFC 8439, 2.3). */
#pragma once

#include <stdint.h>

#define CHACHA20_KEY_BYTES 32
#define CHACHA20_NONCE_BYTES 12
#define CHACHA20_BLOCK_BYTES 64

/* Block number `counter` of the key stream. It may be written over the key or the nonce. */
void chacha20_block(const uint8_t key[CHACHA20_KEY_BYTES], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES], uint8_t block[CHACHA20_BLOCK_BYTES]);
