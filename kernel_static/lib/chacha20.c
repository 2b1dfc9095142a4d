/* RFC 8439: 2.1 (quarter round), 2.3 (block). Octets stand for words little-endian, as memory does
 * on every target. */
#include "chacha20.h"

#include <string.h>

#define WORDS 16

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

void chacha20_block(const uint8_t key[CHACHA20_KEY_BYTES], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES],
                    uint8_t block[CHACHA20_BLOCK_BYTES]) {
    uint32_t start[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[WORDS];
    memcpy(&start[4], key, CHACHA20_KEY_BYTES);
    start[12] = counter;
    memcpy(&start[13], nonce, CHACHA20_NONCE_BYTES);
    memcpy(s, start, sizeof s);
    for (int round = 0; round < 20; round += 2) {
        for (int i = 0; i < 4; i++) /* columns */
            quarter_round(&s[i], &s[4 + i], &s[8 + i], &s[12 + i]);
        for (int i = 0; i < 4; i++) /* diagonals */
            quarter_round(&s[i], &s[4 + (i + 1) % 4], &s[8 + (i + 2) % 4], &s[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < WORDS; i++)
        s[i] += start[i];
    memcpy(block, s, sizeof s);
}
