/* The "tokenizer" section of the model image, written by cllm_gen/weights/tokenizer_tables.py.
 * Private to the tokenizer. All numbers are little-endian; arrays are 16-byte aligned. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TOKENIZER_MAGIC "CLLMTOKN"
#define TOKENIZER_VERSION 1
#define TOKENIZER_NO_MERGE UINT32_MAX

/* Where an array lies: bytes from the start of the section, and number of elements. */
struct tokenizer_array {
    uint32_t offset, count;
};

struct tokenizer_header {
    char magic[8];
    uint32_t version;
    uint32_t vocabulary;                /* tokens */
    int32_t beginning;                  /* token before a text, -1 for none */
    uint32_t longest;                   /* bytes of the longest token */
    struct tokenizer_array offsets;     /* uint32: where each token's bytes start, and the end */
    struct tokenizer_array bytes;       /* the tokens' bytes, one after another */
    struct tokenizer_array byte_tokens; /* int32[256]: the token of one byte, -1 for none */
    struct tokenizer_array merges;      /* struct tokenizer_merge, by rank */
    struct tokenizer_array slots;       /* uint32, a power of two: rank or TOKENIZER_NO_MERGE */
    struct tokenizer_array specials;    /* int32: by first byte, then longest first */
    struct tokenizer_array ends;        /* int32: tokens that end an answer */
    struct tokenizer_array pages;       /* uint16[UNICODE_PAGES] */
    struct tokenizer_array rows;        /* uint8, 256 a row */
};

/* Left and right become result; a lower rank goes first. */
struct tokenizer_merge {
    int32_t left, right, result;
};

struct tokenizer_tables {
    const struct tokenizer_header *header;
    const uint32_t *offsets;
    const char *bytes;
    const int32_t *byte_tokens;
    const struct tokenizer_merge *merges;
    const uint32_t *slots;
    const int32_t *specials;
    const int32_t *ends;
};

/* Bound by tokenizer_start. */
extern struct tokenizer_tables tokenizer_tables;

/* Slot in which the search for a pair begins; the next slots follow, wrapping round. The slots
 * are a power of two. cllm_gen/weights/tokenizer_tables.py places merges by the same rule. */
static inline uint32_t tokenizer_slot(int32_t left, int32_t right, uint32_t slots) {
    uint32_t mixed = (uint32_t)left * UINT32_C(0x9E3779B1) ^ (uint32_t)right * UINT32_C(0x85EBCA77);
    return (mixed ^ mixed >> 15) & (slots - 1);
}

/* What merging one piece needs; kept between the pieces of one text. */
struct tokenizer_merger {
    int32_t *symbols; /* see tokenizer_merge.c */
    uint64_t *queue;  /* a binary heap of candidates: rank << 32 | position */
    size_t queued;
    size_t bytes; /* longest piece that the memory above is enough for */
};

/* Merges one piece. Returns how many tokens it became (written up to `capacity`), or -1 when
 * the heap has no room. */
ptrdiff_t tokenizer_merge_piece(struct tokenizer_merger *merger, const char *bytes, size_t count,
                                int32_t *tokens, size_t capacity);

void tokenizer_merger_release(struct tokenizer_merger *merger);
