/* Tokens by their text: a hash table in the model image, and for each first byte how long a token
 * of each kind can be, so that most places of a text are passed without a look. */
#include <string.h>

#include "text.h"
#include "tokenizer.h"
#include "tokenizer_tables.h"

static uint32_t longest[TOKENIZER_KINDS][256];

void tokenizer_index(void) {
    const struct tokenizer_tables *tables = &tokenizer_tables;
    memset(longest, 0, sizeof longest);
    for (uint32_t token = 0; token < tables->header->vocabulary; token++) {
        uint32_t size = tables->offsets[token + 1] - tables->offsets[token];
        if (size == 0)
            continue;
        uint8_t first = (uint8_t)tables->bytes[tables->offsets[token]];
        if (size > longest[tables->kinds[token]][first])
            longest[tables->kinds[token]][first] = size;
    }
}

/* The token with this text, whose hash is known. */
static int32_t find(const char *bytes, size_t count, uint32_t hash) {
    uint32_t slots = tokenizer_tables.header->texts.count;
    for (uint32_t slot = tokenizer_text_slot(hash, slots);; slot = (slot + 1) & (slots - 1)) {
        uint32_t token = tokenizer_tables.texts[slot];
        if (token == TOKENIZER_NO_TOKEN)
            return -1;
        if (text_equal(tokenizer_token((int32_t)token), (struct text){bytes, count}))
            return (int32_t)token;
    }
}

int32_t tokenizer_find(const char *bytes, size_t count) {
    uint32_t hash = TOKENIZER_HASH_START;
    for (size_t i = 0; i < count; i++)
        hash = tokenizer_hash(hash, bytes[i]);
    return find(bytes, count, hash);
}

int32_t tokenizer_find_prefix(const char *bytes, size_t count, enum tokenizer_kind kind) {
    size_t most = count ? longest[kind][(uint8_t)bytes[0]] : 0;
    uint32_t hash = TOKENIZER_HASH_START;
    int32_t found = -1;
    for (size_t i = 0; i < most && i < count; i++) {
        hash = tokenizer_hash(hash, bytes[i]);
        int32_t token = find(bytes, i + 1, hash);
        if (token >= 0 && tokenizer_tables.kinds[token] == kind)
            found = token;
    }
    return found;
}
