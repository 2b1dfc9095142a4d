/* The words of JSON (RFC 8259): space, marks, names, numbers and strings. */
#include "json_lexer.h"

#include <string.h>

#include "coroutine.h"
#include "utf8.h"

void json_skip_space(struct json_reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

bool json_take(struct json_reader *reader, char byte) {
    json_skip_space(reader);
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

static enum json_kind kind_at(const char *at, const char *end) {
    if (at == end)
        return JSON_INVALID;
    switch (*at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return *at == '-' || (*at >= '0' && *at <= '9') ? JSON_NUMBER : JSON_INVALID;
    }
}

enum json_kind json_peek(struct json_reader *reader) {
    json_skip_space(reader);
    return reader->status ? JSON_INVALID : kind_at(reader->at, reader->end);
}

bool json_read_name(struct json_reader *reader, const char *name) {
    size_t count = strlen(name);
    if ((size_t)(reader->end - reader->at) < count || memcmp(reader->at, name, count) != 0)
        return false;
    reader->at += count;
    return true;
}

/* ---- numbers ---- */

static bool digits(struct json_reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start || json_syntax(reader, "a digit");
}

/* RFC 8259 section 6. */
bool json_read_number(struct json_reader *reader, struct text *number, bool *whole) {
    number->bytes = reader->at;
    *whole = true;
    if (*reader->at == '-')
        reader->at++;
    if (reader->at < reader->end && *reader->at == '0')
        reader->at++;
    else if (!digits(reader))
        return false;
    if (reader->at < reader->end && *reader->at == '.') {
        *whole = false;
        reader->at++;
        if (!digits(reader))
            return false;
    }
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
        *whole = false;
        reader->at++;
        if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
            reader->at++;
        if (!digits(reader))
            return false;
    }
    number->count = (size_t)(reader->at - number->bytes);
    return true;
}

/* ---- strings ---- */

/* Reads the XXXX of \uXXXX; -1, having failed, if it is none. */
static int32_t read_unit(struct json_reader *reader) {
    int32_t unit = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        int digit = reader->at < reader->end ? hexadecimal_value(*reader->at) : -1;
        if (digit < 0) {
            json_syntax(reader, "four hexadecimal digits");
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Reads what follows a backslash (RFC 8259 section 7) as UTF-8; 0, having failed, if nothing may.
 */
static size_t read_escape(struct json_reader *reader, char bytes[4]) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char letter = reader->at < reader->end ? *reader->at : 0;
    const char *known = letter ? memchr(from, letter, sizeof from - 1) : NULL;
    if (known) {
        reader->at++;
        bytes[0] = to[known - from];
        return 1;
    }
    if (letter != 'u')
        return json_syntax(reader, "one of \"\\/bfnrtu after a backslash");
    reader->at++;
    int32_t unit = read_unit(reader);
    if (unit < 0)
        return 0;
    if (unit >= 0xdc00 && unit < 0xe000)
        return json_syntax(reader, "a high surrogate before a low one");
    if (unit < 0xd800 || unit >= 0xe000)
        return utf8_encode((uint32_t)unit, bytes);
    if (reader->end - reader->at < 2 || reader->at[0] != '\\' || reader->at[1] != 'u')
        return json_syntax(reader, "a low surrogate (\\uDC00 to \\uDFFF)");
    reader->at += 2;
    int32_t low = read_unit(reader);
    if (low < 0)
        return 0;
    if (low < 0xdc00 || low >= 0xe000)
        return json_syntax(reader, "a low surrogate (\\uDC00 to \\uDFFF)");
    return utf8_encode((uint32_t)(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)), bytes);
}

/* Whether a byte is a character of its own that may stand for itself in a string. */
static bool plain(char byte) {
    return (uint8_t)byte >= 0x20 && (uint8_t)byte < 0x80 && byte != '"' && byte != '\\';
}

bool json_read_string(struct json_reader *reader, char *out, size_t *count, size_t *characters) {
    *count = *characters = 0;
    while (reader->at < reader->end && *reader->at != '"') {
        char escaped[4];
        const char *from = reader->at;
        coroutine_give_way();
        while (reader->at < reader->end && plain(*reader->at))
            reader->at++;
        size_t size = (size_t)(reader->at - from);
        *characters += size ? size : 1;
        if (size == 0 && *from == '\\') {
            reader->at++;
            size = read_escape(reader, escaped);
            from = escaped;
        } else if (size == 0) {
            if ((uint8_t)*from < 0x20)
                return json_syntax(reader, "an escape for a control character");
            size = utf8_character(from, (size_t)(reader->end - from));
            reader->at += size;
            if (size == 0)
                return json_syntax(reader, "UTF-8");
        }
        if (size == 0)
            return false;
        if (out)
            memcpy(out + *count, from, size);
        *count += size;
    }
    if (reader->at == reader->end)
        return json_syntax(reader, "a closing quote");
    reader->at++;
    return true;
}

bool json_read_text(struct json_reader *reader, struct text *value, size_t *characters) {
    const char *at = reader->at;
    while (at < reader->end && *at != '"')
        at += *at == '\\' && reader->end - at > 1 ? 2 : 1;
    char *out = arena_allocate(reader->arena, (size_t)(at - reader->at) + 1);
    if (!out)
        return json_no_memory(reader);
    value->bytes = out;
    return json_read_string(reader, out, &value->count, characters);
}
