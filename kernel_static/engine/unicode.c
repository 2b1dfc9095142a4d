/* Code points and their general categories (Unicode 16.0). */
#include "unicode.h"

#include "utf8.h"

static const uint16_t *category_pages;
static const uint8_t *category_rows;

void unicode_bind(const uint16_t *pages, const uint8_t *rows) {
    category_pages = pages;
    category_rows = rows;
}

uint32_t unicode_category(uint32_t code_point) {
    size_t row = category_pages[code_point >> 8];
    return UINT32_C(1) << category_rows[row * 256 + (code_point & 255)];
}

/* Bytes of the longest beginning of a character that could have been, at least 1. */
static size_t broken_size(const char *bytes, size_t count) {
    size_t size = 1;
    while (size < count && utf8_incomplete(bytes, size + 1))
        size++;
    return size;
}

uint32_t unicode_next(const char *bytes, size_t count, size_t *at) {
    bytes += *at;
    count -= *at;
    size_t size = utf8_character(bytes, count);
    if (size == 0) {
        *at += broken_size(bytes, count);
        return UNICODE_REPLACEMENT;
    }
    *at += size;
    uint8_t lead = (uint8_t)bytes[0];
    uint32_t code_point = size == 1 ? lead : lead & (UINT32_C(0x7F) >> size);
    for (size_t i = 1; i < size; i++)
        code_point = code_point << 6 | ((uint8_t)bytes[i] & 0x3F);
    return code_point;
}

size_t unicode_before(const char *bytes, size_t at) {
    do
        at--;
    while (at && ((uint8_t)bytes[at] & 0xC0) == 0x80);
    return at;
}

void unicode_append_valid(struct buffer *buffer, struct text text) {
    for (size_t at = 0; at < text.count;) {
        size_t start = at, size;
        while ((size = utf8_character(text.bytes + at, text.count - at)))
            at += size;
        buffer_append(buffer, text.bytes + start, at - start);
        if (at < text.count) {
            buffer_append(buffer, "\xEF\xBF\xBD", 3);
            at += broken_size(text.bytes + at, text.count - at);
        }
    }
}
