/* The first octets of each stretch are the key of the next. */
#include "generator.h"

#include <string.h>

/* The first block comes last, since it replaces the key. A key is used for this once, so that the
 * nonce may be the same always. */
static void stretch(struct generator *generator) {
    static const uint8_t nonce[CHACHA20_NONCE_BYTES];
    for (uint32_t block = GENERATOR_BLOCKS; block-- > 0;)
        chacha20_block(generator->stream, block, nonce,
                       generator->stream + block * CHACHA20_BLOCK_BYTES);
    generator->left = sizeof generator->stream - CHACHA20_KEY_BYTES;
}

void generator_seed(struct generator *generator, const uint8_t seed[CHACHA20_KEY_BYTES]) {
    stretch(generator);
    for (size_t i = 0; i < CHACHA20_KEY_BYTES; i++)
        generator->stream[i] ^= seed[i];
    memset(generator->stream + CHACHA20_KEY_BYTES, 0, generator->left);
    generator->left = 0;
}

void generator_fill(struct generator *generator, void *bytes, size_t count) {
    for (uint8_t *to = bytes; count > 0;) {
        if (!generator->left)
            stretch(generator);
        uint8_t *from = generator->stream + sizeof generator->stream - generator->left;
        size_t part = count < generator->left ? count : generator->left;
        memcpy(to, from, part);
        memset(from, 0, part);
        generator->left -= part;
        to += part;
        count -= part;
    }
}
