#include "tokenizer.h"

#include <string.h>

#include "buffer.h"
#include "log.h"
#include "model_image.h"
#include "pretokenizer.h"
#include "tokenizer_tables.h"
#include "unicode.h"

struct tokenizer_tables tokenizer_tables;

/* Specials that begin with each byte: specials[first[b]] up to specials[first[b + 1]]. */
static uint16_t special_first[257];

/* The array's address, or null if it does not lie inside the section. */
static const void *array_at(struct memory_span section, struct tokenizer_array array, size_t size) {
    bool inside = array.offset % 16 == 0 && array.offset <= section.size &&
                  array.count <= (section.size - array.offset) / size;
    return inside ? (const char *)section.start + array.offset : NULL;
}

static bool bind(struct memory_span section) {
    const struct tokenizer_header *header = section.start;
    struct tokenizer_tables *tables = &tokenizer_tables;
    const uint16_t *pages = array_at(section, header->pages, sizeof *pages);
    const uint8_t *rows = array_at(section, header->rows, 1);
    tables->header = header;
    tables->offsets = array_at(section, header->offsets, sizeof *tables->offsets);
    tables->bytes = array_at(section, header->bytes, 1);
    tables->byte_tokens = array_at(section, header->byte_tokens, sizeof *tables->byte_tokens);
    tables->merges = array_at(section, header->merges, sizeof *tables->merges);
    tables->slots = array_at(section, header->slots, sizeof *tables->slots);
    tables->specials = array_at(section, header->specials, sizeof *tables->specials);
    tables->ends = array_at(section, header->ends, sizeof *tables->ends);
    if (!pages || !rows || !tables->offsets || !tables->bytes || !tables->byte_tokens ||
        !tables->merges || !tables->slots || !tables->specials || !tables->ends)
        return false;
    if (header->pages.count != UNICODE_PAGES || header->byte_tokens.count != 256 ||
        header->offsets.count != header->vocabulary + 1 ||
        tables->offsets[header->vocabulary] != header->bytes.count)
        return false;
    unicode_bind(pages, rows);
    return true;
}

/* Finds where the specials of each first byte begin; they come sorted by it. */
static void index_specials(void) {
    size_t special = 0;
    for (size_t byte = 0; byte < 256; byte++) {
        special_first[byte] = (uint16_t)special;
        while (special < tokenizer_tables.header->specials.count &&
               (uint8_t)tokenizer_token(tokenizer_tables.specials[special]).bytes[0] == byte)
            special++;
    }
    special_first[256] = (uint16_t)special;
}

bool tokenizer_start(void) {
    struct memory_span section = model_image_section("tokenizer");
    const struct tokenizer_header *header = section.start;
    if (section.size < sizeof *header || memcmp(header->magic, TOKENIZER_MAGIC, 8) != 0) {
        log_error("tokenizer", "the model image has no tokenizer section; rebuild it");
        return false;
    }
    if (header->version != TOKENIZER_VERSION || !bind(section)) {
        log_error("tokenizer", "section version %u is malformed, or not %u; rebuild the image",
                  (unsigned)header->version, TOKENIZER_VERSION);
        return false;
    }
    index_specials();
    log_info("tokenizer", "%u tokens, %u merges, %u special", (unsigned)header->vocabulary,
             (unsigned)header->merges.count, (unsigned)header->specials.count);
    return true;
}

struct text tokenizer_token(int32_t token) {
    if (token < 0 || (uint32_t)token >= tokenizer_tables.header->vocabulary)
        return (struct text){0};
    uint32_t start = tokenizer_tables.offsets[token];
    return (struct text){tokenizer_tables.bytes + start,
                         tokenizer_tables.offsets[token + 1] - start};
}

static bool is_among(int32_t token, const int32_t *tokens, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (tokens[i] == token)
            return true;
    return false;
}

bool tokenizer_is_special(int32_t token) {
    return is_among(token, tokenizer_tables.specials, tokenizer_tables.header->specials.count);
}

bool tokenizer_is_end(int32_t token) {
    return is_among(token, tokenizer_tables.ends, tokenizer_tables.header->ends.count);
}

int32_t tokenizer_beginning(void) { return tokenizer_tables.header->beginning; }

/* One call of tokenizer_encode_mixed under way. */
struct encoding {
    struct tokenizer_merger merger;
    int32_t *tokens;
    size_t count, capacity;
};

/* A pretokenizer_sink: merges the piece and appends its tokens. */
static bool encode_piece(void *context, const char *bytes, size_t count) {
    struct encoding *encoding = context;
    size_t room = encoding->capacity - encoding->count;
    if (count / tokenizer_tables.header->longest > room)
        return false; /* cannot fit, so do not start */
    ptrdiff_t more = tokenizer_merge_piece(&encoding->merger, bytes, count,
                                           encoding->tokens + encoding->count, room);
    if (more < 0)
        log_warn("tokenizer", "no heap to merge a piece of %u bytes", (unsigned)count);
    if (more < 0 || (size_t)more > room)
        return false;
    encoding->count += (size_t)more;
    return true;
}

static bool encode_ordinary(struct encoding *encoding, const char *bytes, size_t count) {
    struct pretokenizer_sink sink = {encode_piece, encoding};
    return count == 0 || pretokenizer_split(bytes, count, &sink);
}

/* The special token written at bytes[0, count), the longest if several are; -1 if none is. */
static int32_t special_at(const char *bytes, size_t count) {
    uint8_t byte = (uint8_t)bytes[0];
    for (size_t i = special_first[byte]; i < special_first[byte + 1]; i++) {
        struct text written = tokenizer_token(tokenizer_tables.specials[i]);
        if (written.count <= count && memcmp(written.bytes, bytes, written.count) == 0)
            return tokenizer_tables.specials[i];
    }
    return -1;
}

/* Encodes bytes with the specials among them, up to the first that does not fit. */
static bool encode_all(struct encoding *encoding, struct text text,
                       const struct text_range *ordinary, size_t ordinary_count) {
    size_t done = 0; /* what lies before is encoded */
    for (size_t at = 0; at < text.count;) {
        if (ordinary_count && at >= ordinary->start) { /* inside a range, or past one */
            at = at < ordinary->end ? ordinary->end : at;
            ordinary++;
            ordinary_count--;
            continue;
        }
        size_t limit = ordinary_count ? ordinary->start : text.count;
        int32_t special = special_at(text.bytes + at, limit - at);
        if (special < 0) {
            at++;
            continue;
        }
        if (!encode_ordinary(encoding, text.bytes + done, at - done) ||
            encoding->count == encoding->capacity)
            return false;
        encoding->tokens[encoding->count++] = special;
        at += tokenizer_token(special).count;
        done = at;
    }
    return encode_ordinary(encoding, text.bytes + done, text.count - done);
}

ptrdiff_t tokenizer_encode_mixed(struct text text, const struct text_range *ordinary,
                                 size_t ordinary_count, int32_t *tokens, size_t capacity) {
    struct encoding encoding = {.tokens = tokens, .capacity = capacity};
    bool fits = encode_all(&encoding, text, ordinary, ordinary_count);
    tokenizer_merger_release(&encoding.merger);
    return fits ? (ptrdiff_t)encoding.count : -1;
}

ptrdiff_t tokenizer_encode(struct text text, bool parse_special, int32_t *tokens, size_t capacity) {
    struct buffer valid;
    buffer_start(&valid, 3 * text.count);
    if (!unicode_is_valid(text)) {
        unicode_append_valid(&valid, text);
        text = (struct text){valid.bytes, valid.count};
    }
    struct text_range all = {0, text.count};
    ptrdiff_t count = -1;
    if (valid.failed)
        log_warn("tokenizer", "no heap to replace what is not UTF-8");
    else
        count = tokenizer_encode_mixed(text, &all, parse_special ? 0 : 1, tokens, capacity);
    buffer_release(&valid);
    return count;
}
