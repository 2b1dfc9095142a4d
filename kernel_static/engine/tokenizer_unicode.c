/* UTF-8 (Unicode 16.0, table 3-7) and general categories. */
#include "unicode.h"

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

uint32_t unicode_next(const char *bytes, size_t count, size_t *at) {
    const uint8_t *next = (const uint8_t *)bytes + *at;
    const uint8_t *end = (const uint8_t *)bytes + count;
    uint8_t lead = *next++;
    uint32_t code_point = lead;
    if (lead >= 0x80) {
        /* Bytes still to come, and what the second one may be (table 3-7). */
        unsigned more = lead < 0xC2 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : 0;
        uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        code_point = more ? lead & (0x3F >> more) : UNICODE_REPLACEMENT;
        for (; more; more--) {
            if (next == end || *next < low || *next > high) {
                code_point = UNICODE_REPLACEMENT;
                break;
            }
            code_point = code_point << 6 | (*next++ & 0x3F);
            low = 0x80;
            high = 0xBF;
        }
    }
    *at = (size_t)(next - (const uint8_t *)bytes);
    return code_point;
}

size_t unicode_before(const char *bytes, size_t at) {
    do
        at--;
    while (at && ((uint8_t)bytes[at] & 0xC0) == 0x80);
    return at;
}

/* The end of the valid run that starts at `at`. */
static size_t valid_run(struct text text, size_t at) {
    while (at < text.count) {
        size_t next = at;
        if (unicode_next(text.bytes, text.count, &next) == UNICODE_REPLACEMENT &&
            (next - at != 3 || (uint8_t)text.bytes[at] != 0xEF))
            break;
        at = next;
    }
    return at;
}

bool unicode_is_valid(struct text text) { return valid_run(text, 0) == text.count; }

void unicode_append_valid(struct buffer *buffer, struct text text) {
    for (size_t at = 0; at < text.count;) {
        size_t end = valid_run(text, at);
        buffer_append(buffer, text.bytes + at, end - at);
        if (end < text.count) {
            buffer_append(buffer, "\xEF\xBF\xBD", 3);
            unicode_next(text.bytes, text.count, &end);
        }
        at = end;
    }
}
