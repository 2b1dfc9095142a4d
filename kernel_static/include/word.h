/* Eight bytes of text as one integer. Generated code (router, field names, enumerations) branches
 * with `switch` on such words, so that a name of n bytes is told apart in n / 8 steps however many
 * names there are, and a name that is added never moves the branches of another. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* The word of eight characters; a shorter tail is padded with 0. */
#define WORD(a, b, c, d, e, f, g, h)                                                               \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* Bytes [offset, offset + 8) of the text, zero beyond its end. The caller compares text.count as
 * well, since a text may itself hold zero bytes. */
static inline uint64_t text_word(struct text text, size_t offset) {
    uint64_t word = 0;
    for (size_t i = 0; i < 8 && offset + i < text.count; i++)
        word |= (uint64_t)(uint8_t)text.bytes[offset + i] << (8 * i);
    return word;
}
