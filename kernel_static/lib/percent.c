/* Percent-encoding of URLs (RFC 3986 section 2.1). */
#include "percent.h"

#include "utf8.h"

static int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool percent_decode(struct text text, struct arena *arena, struct text *decoded) {
    char *out = arena_allocate(arena, text.count + 1);
    if (!out)
        return false;
    *decoded = (struct text){out, 0};
    for (size_t at = 0; at < text.count; at++) {
        char byte = text.bytes[at];
        if (byte == '%') {
            int high = text.count - at > 2 ? hexadecimal(text.bytes[at + 1]) : -1;
            int low = text.count - at > 2 ? hexadecimal(text.bytes[at + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            byte = (char)(high << 4 | low);
            at += 2;
        }
        out[decoded->count++] = byte;
    }
    return utf8_valid(*decoded);
}
