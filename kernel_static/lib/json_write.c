/* Writing JSON (RFC 8259) into a buffer. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coroutine.h"
#include "utf8.h"

void json_write_raw(struct buffer *buffer, const char *json) {
    buffer_append(buffer, json, strlen(json));
}

void json_write_comma(struct buffer *buffer, bool *first) {
    coroutine_give_way();
    if (!*first)
        buffer_append(buffer, ",", 1);
    *first = false;
}

void json_write_key(struct buffer *buffer, bool *first, const char *key) {
    json_write_comma(buffer, first);
    json_write_string(buffer, (struct text){key, strlen(key)});
    buffer_append(buffer, ":", 1);
}

/* The escape of an ASCII character that may not stand for itself (section 7); 0 if it may. */
static size_t escape(char byte, char out[6]) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = byte ? memchr(from, byte, sizeof from - 1) : NULL;
    out[0] = '\\';
    if (known) {
        out[1] = to[known - from];
        return 2;
    }
    if ((uint8_t)byte >= 0x20)
        return 0;
    memcpy(out + 1, "u00", 3);
    out[4] = (char)('0' + (byte >> 4));
    out[5] = "0123456789abcdef"[byte & 15];
    return 6;
}

void json_write_string(struct buffer *buffer, struct text value) {
    static const char replacement[] = "\xef\xbf\xbd";
    size_t plain = 0, at = 0; /* [plain, at) is waiting to be copied as it is */
    buffer_append(buffer, "\"", 1);
    while (at < value.count) {
        char out[6];
        size_t size = utf8_character(value.bytes + at, value.count - at);
        size_t count = size == 1 ? escape(value.bytes[at], out) : 0;
        if (size > 0 && count == 0) {
            at += size;
            continue;
        }
        coroutine_give_way();
        buffer_append(buffer, value.bytes + plain, at - plain);
        buffer_append(buffer, size ? out : replacement, size ? count : sizeof replacement - 1);
        plain = ++at;
    }
    buffer_append(buffer, value.bytes + plain, at - plain);
    buffer_append(buffer, "\"", 1);
}

void json_write_base64(struct buffer *buffer, struct text bytes) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buffer_append(buffer, "\"", 1);
    for (size_t at = 0; at < bytes.count; at += 3) {
        size_t left = bytes.count - at;
        uint32_t group = (uint32_t)(uint8_t)bytes.bytes[at] << 16;
        if (left > 1)
            group |= (uint32_t)(uint8_t)bytes.bytes[at + 1] << 8;
        if (left > 2)
            group |= (uint8_t)bytes.bytes[at + 2];
        char out[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                       left > 1 ? alphabet[group >> 6 & 63] : '=',
                       left > 2 ? alphabet[group & 63] : '='};
        buffer_append(buffer, out, sizeof out);
    }
    buffer_append(buffer, "\"", 1);
}

void json_write_boolean(struct buffer *buffer, bool value) {
    json_write_raw(buffer, value ? "true" : "false");
}

void json_write_integer(struct buffer *buffer, int64_t value) {
    char text[24];
    int count = snprintf(text, sizeof text, "%lld", (long long)value);
    buffer_append(buffer, text, (size_t)count);
}

/* The first precision in [least, most] at which the text reads back as the same value. */
static void write_real(struct buffer *buffer, double value, int least, int most, bool single) {
    char text[40];
    int count = 0;
    if (value - value != 0) {
        json_write_raw(buffer, "null");
        return;
    }
    for (int precision = least; precision <= most; precision++) {
        count = snprintf(text, sizeof text, "%.*g", precision, value);
        double back = strtod(text, NULL);
        if (single ? (float)back == (float)value : back == value)
            break;
    }
    buffer_append(buffer, text, (size_t)count);
}

void json_write_number(struct buffer *buffer, double value) {
    write_real(buffer, value, 15, 17, false);
}

void json_write_float(struct buffer *buffer, float value) {
    write_real(buffer, (double)value, 6, 9, true);
}
