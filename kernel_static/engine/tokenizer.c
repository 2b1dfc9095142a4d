/* What the tables say of single tokens. */
#include "tokenizer.h"

#include "tokenizer_tables.h"

static bool is_token(int32_t token) {
    return token >= 0 && (uint32_t)token < tokenizer_tables.header->vocabulary;
}

struct text tokenizer_token(int32_t token) {
    if (!is_token(token))
        return (struct text){0};
    uint32_t start = tokenizer_tables.offsets[token];
    return (struct text){tokenizer_tables.bytes + start,
                         tokenizer_tables.offsets[token + 1] - start};
}

bool tokenizer_is_special(int32_t token) {
    return is_token(token) && tokenizer_tables.kinds[token] == TOKENIZER_SPECIAL;
}

bool tokenizer_is_end(int32_t token) {
    for (size_t i = 0; i < tokenizer_tables.header->ends.count; i++)
        if (tokenizer_tables.ends[i] == token)
            return true;
    return false;
}

const int32_t *tokenizer_ends(size_t *count) {
    *count = tokenizer_tables.header->ends.count;
    return tokenizer_tables.ends;
}

int32_t tokenizer_beginning(void) { return tokenizer_tables.header->beginning; }
