/* UTF-8, RFC 3629 section 4: the table of well-formed byte sequences. */
#include "utf8.h"

static bool continues(char byte) { return ((uint8_t)byte & 0xc0) == 0x80; }

/* Bytes of the character that a lead byte begins; 0 if none does. */
static size_t character_size(uint8_t lead) {
    if (lead < 0x80)
        return 1;
    return lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

size_t utf8_character(const char *bytes, size_t count) {
    if (count == 0)
        return 0;
    uint8_t lead = (uint8_t)bytes[0];
    size_t size = character_size(lead);
    if (size <= 1 || count < size)
        return size == 1;
    for (size_t i = 1; i < size; i++)
        if (!continues(bytes[i]))
            return 0;
    uint8_t second = (uint8_t)bytes[1];
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || /* overlong, D800.. */
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) /* overlong, 110000.. */
        return 0;
    return size;
}

bool utf8_incomplete(const char *bytes, size_t count) {
    size_t size = count ? character_size((uint8_t)bytes[0]) : 0;
    if (count >= size)
        return false;
    char whole[4] = {bytes[0], (char)0x80, (char)0x80, (char)0x80};
    for (size_t i = 1; i < count; i++)
        whole[i] = bytes[i];
    return count == 1 || utf8_character(whole, size) > 0;
}

bool utf8_valid(struct text text) {
    for (size_t at = 0; at < text.count;) {
        size_t size = utf8_character(text.bytes + at, text.count - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

size_t utf8_encode(uint32_t scalar, char bytes[4]) {
    if (scalar < 0x80) {
        bytes[0] = (char)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        bytes[0] = (char)(0xc0 | scalar >> 6);
        bytes[1] = (char)(0x80 | (scalar & 0x3f));
        return 2;
    }
    if (scalar < 0x10000) {
        bytes[0] = (char)(0xe0 | scalar >> 12);
        bytes[1] = (char)(0x80 | (scalar >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (scalar & 0x3f));
        return 3;
    }
    bytes[0] = (char)(0xf0 | scalar >> 18);
    bytes[1] = (char)(0x80 | (scalar >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (scalar >> 6 & 0x3f));
    bytes[3] = (char)(0x80 | (scalar & 0x3f));
    return 4;
}
