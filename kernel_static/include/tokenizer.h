/* BPE over tables in the model image's "tokenizer" section: byte-level, inside pieces that
 * generated pre-tokenizer rules cut; or SentencePiece's, where neighbours merge that make a token.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Binds the tables. False, having logged why, if they are missing or malformed. */
bool tokenizer_start(void);

/* Encodes bytes as tokens. Invalid UTF-8 is replaced by U+FFFD first, as the reference does.
 * With parse_special, special tokens written in the text become their ids; without, they are
 * ordinary text. `tokens` may be null: they are counted only, however many. Returns the number of
 * tokens, or TOKENIZER_TOO_LONG if they are more than
 * `capacity`, or, logged, TOKENIZER_NO_MEMORY if the heap has no room (about 14 bytes per byte of
 * the longest piece are borrowed during the call). Takes time O(n log n) in the bytes of the text.
 */
#define TOKENIZER_TOO_LONG (-1)
#define TOKENIZER_NO_MEMORY (-2)
ptrdiff_t tokenizer_encode(struct text text, bool parse_special, int32_t *tokens, size_t capacity);

/* Bytes [start, end) of a text. */
struct text_range {
    size_t start, end;
};

/* The same for valid UTF-8 of which some bytes are nobody's markup: a special token is recognised
 * only where it touches none of the `ordinary` ranges (ascending, disjoint). Pieces are cut as if
 * the ranges were not there. */
ptrdiff_t tokenizer_encode_mixed(struct text text, const struct text_range *ordinary,
                                 size_t ordinary_count, int32_t *tokens, size_t capacity);

/* The bytes of one token (may be a fragment of a UTF-8 character); count 0 for an unknown id.
 * Special tokens give their written form. */
struct text tokenizer_token(int32_t token);

bool tokenizer_is_special(int32_t token);

/* A token that ends an answer (a chat turn and the text alike). */
bool tokenizer_is_end(int32_t token);

/* All of those. */
const int32_t *tokenizer_ends(size_t *count);

/* The token that the model wants before a bare text (a chat template writes its own), or -1. */
int32_t tokenizer_beginning(void);
