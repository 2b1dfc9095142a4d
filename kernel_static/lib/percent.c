/* Percent-encoding of URLs (RFC 3986 section 2.1). */
#include "percent.h"

#include "utf8.h"

int percent_byte(struct text text, size_t at) {
    if (text.count - at < 3)
        return -1;
    int high = hexadecimal_value(text.bytes[at + 1]), low = hexadecimal_value(text.bytes[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool percent_decode(struct text text, struct arena *arena, struct text *decoded) {
    char *out = arena_allocate(arena, text.count + 1);
    *decoded = (struct text){out, 0};
    if (!out)
        return false;
    for (size_t at = 0; at < text.count; at++) {
        char byte = text.bytes[at];
        if (byte == '%') {
            int encoded = percent_byte(text, at);
            if (encoded < 0)
                return false;
            byte = (char)encoded;
            at += 2;
        }
        out[decoded->count++] = byte;
    }
    return utf8_valid(*decoded);
}
