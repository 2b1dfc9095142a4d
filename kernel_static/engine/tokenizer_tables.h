/* The "tokenizer" section of the model image, written by cllm_gen/weights/tokenizer_tables.py.
 * Private to the tokenizer. All numbers are little-endian; arrays are 16-byte aligned. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKENIZER_MAGIC "CLLMTOKN"
#define TOKENIZER_VERSION 2
#define TOKENIZER_NO_MERGE UINT32_MAX
#define TOKENIZER_NO_TOKEN UINT32_MAX

/* Where an array lies: bytes from the start of the section, and number of elements. */
struct tokenizer_array {
    uint32_t offset, count;
};

/* Bits of `rules`. */
#define TOKENIZER_BY_SCORE 1 /* neighbours merge if that makes a token, best score first */
#define TOKENIZER_LEADING_SPACE                                                                    \
    2 /* a space goes before ordinary text that begins a text or follows                           \
         a special token */
#define TOKENIZER_WHOLE_PIECES 4 /* a piece that is a token stays whole, whatever its merges */

struct tokenizer_header {
    char magic[8];
    uint32_t version;
    uint32_t vocabulary;                 /* tokens */
    int32_t beginning;                   /* token before a text, -1 for none */
    uint32_t longest;                    /* bytes of the longest token */
    uint32_t rules;                      /* TOKENIZER_ bits */
    uint32_t reserved;                   /* zero */
    struct tokenizer_array offsets;      /* uint32: where each token's bytes start, and the end */
    struct tokenizer_array bytes;        /* the tokens' bytes, one after another */
    struct tokenizer_array kinds;        /* uint8: enum tokenizer_kind of each token */
    struct tokenizer_array texts;        /* uint32, a power of two: a token of this text's hash */
    struct tokenizer_array byte_tokens;  /* int32[256]: the token of one byte, -1 for none */
    struct tokenizer_array merges;       /* struct tokenizer_merge, by rank */
    struct tokenizer_array slots;        /* uint32, a power of two: rank or TOKENIZER_NO_MERGE */
    struct tokenizer_array ranks;        /* by score: uint32 of each token, or NO_MERGE */
    struct tokenizer_array before_space; /* by score: uint8[256], 0 if no token has that byte and
                                            then a space (two spaces apart) */
    struct tokenizer_array ends;         /* int32: tokens that end an answer */
    struct tokenizer_array pages;        /* uint16[UNICODE_PAGES] */
    struct tokenizer_array rows;         /* uint8, 256 a row */
};

enum tokenizer_kind {
    TOKENIZER_ORDINARY = 0, /* made by merging */
    TOKENIZER_SPECIAL = 1,  /* markup: found in text where that is asked for */
    TOKENIZER_LITERAL = 2,  /* found in text always, before merging */
    TOKENIZER_HIDDEN = 3,   /* never found by its text: the tokens of single bytes */
    TOKENIZER_KINDS
};

/* Left and right become result; a lower rank goes first. */
struct tokenizer_merge {
    int32_t left, right, result;
};

struct tokenizer_tables {
    const struct tokenizer_header *header;
    const uint32_t *offsets;
    const char *bytes;
    const uint8_t *kinds;
    const uint32_t *texts;
    const int32_t *byte_tokens;
    const struct tokenizer_merge *merges;
    const uint32_t *slots;
    const uint32_t *ranks;
    const uint8_t *before_space;
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

/* FNV-1a over a text, byte by byte from TOKENIZER_HASH_START; the search for a text of hash h
 * begins in slot tokenizer_text_slot(h). */
#define TOKENIZER_HASH_START UINT32_C(0x811C9DC5)

static inline uint32_t tokenizer_hash(uint32_t hash, char byte) {
    return (hash ^ (uint8_t)byte) * UINT32_C(0x01000193);
}

static inline uint32_t tokenizer_text_slot(uint32_t hash, uint32_t slots) {
    return (hash ^ hash >> 15) & (slots - 1);
}

/* Finds where tokens of each kind can begin and how long they can be. Called once, by
 * tokenizer_start. */
void tokenizer_index(void);

/* The token written as bytes[0, count), -1 if there is none; hidden ones are not found. */
int32_t tokenizer_find(const char *bytes, size_t count);

/* The longest token of this kind that bytes[0, count) begins with, -1 if there is none. */
int32_t tokenizer_find_prefix(const char *bytes, size_t count, enum tokenizer_kind kind);

/* What merging one piece needs; kept between the pieces of one text. */
struct tokenizer_merger {
    int32_t *symbols; /* see tokenizer_merge.c */
    uint64_t *queue;  /* a binary heap of candidates: rank << 32 | position */
    size_t queued;
    size_t bytes;      /* longest piece that the memory above is enough for */
    const char *piece; /* what is being merged */
};

/* Merges one piece. Returns how many tokens it became (written up to `capacity`), or -1 when
 * the heap has no room. */
ptrdiff_t tokenizer_merge_piece(struct tokenizer_merger *merger, const char *bytes, size_t count,
                                int32_t *tokens, size_t capacity);

void tokenizer_merger_release(struct tokenizer_merger *merger);
