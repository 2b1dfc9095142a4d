/* Reading JSON (RFC 8259): the lexical part of it, which generated parsers steer. */
#include "json_lexer.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

bool json_syntax(struct json_reader *reader, const char *expected) {
    if (reader->status)
        return false;
    size_t line = 1, column = 1;
    for (const char *at = reader->start; at < reader->at; at++) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    reader->status = 400;
    reader->param[0] = 0;
    snprintf(reader->message, sizeof reader->message,
             "The request body is not valid JSON: %s expected%s at line %zu, column %zu.", expected,
             reader->at == reader->end ? " instead of the end" : "", line, column);
    return false;
}

bool json_no_memory(struct json_reader *reader) {
    if (!reader->status) {
        reader->status = 413;
        reader->param[0] = 0;
        snprintf(reader->message, sizeof reader->message,
                 "The request takes more memory than one request may.");
    }
    return false;
}

static void skip_space(struct json_reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

bool json_take(struct json_reader *reader, char byte) {
    skip_space(reader);
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

void json_begin(struct json_reader *reader, struct text body, struct arena *arena,
                unsigned depth_limit) {
    memset(reader, 0, sizeof *reader);
    reader->start = reader->at = body.bytes;
    reader->end = body.bytes + body.count;
    reader->arena = arena;
    reader->depth_limit = depth_limit;
}

bool json_end(struct json_reader *reader) {
    skip_space(reader);
    return reader->at == reader->end ? !reader->status : json_syntax(reader, "the end");
}

enum json_kind json_peek(struct json_reader *reader) {
    skip_space(reader);
    return reader->status ? JSON_INVALID : kind_at(reader->at, reader->end);
}

enum json_kind json_peek_element(struct json_reader *reader) {
    if (json_peek(reader) != JSON_ARRAY)
        return JSON_INVALID;
    struct json_reader inside = *reader;
    inside.at++;
    return json_peek(&inside);
}

static bool enter(struct json_reader *reader) {
    if (++reader->depth <= reader->depth_limit)
        return true;
    if (!reader->status) {
        reader->status = 400;
        reader->param[0] = 0;
        snprintf(reader->message, sizeof reader->message,
                 "The request body is nested deeper than %u levels.", reader->depth_limit);
    }
    return false;
}

bool json_object(struct json_reader *reader, const struct json_path *path) {
    if (json_peek(reader) != JSON_OBJECT)
        return json_wrong_type(reader, path, "an object");
    reader->at++;
    return enter(reader);
}

bool json_array(struct json_reader *reader, const struct json_path *path) {
    if (json_peek(reader) != JSON_ARRAY)
        return json_wrong_type(reader, path, "an array");
    reader->at++;
    return enter(reader);
}

static int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Reads the XXXX of \uXXXX; -1, having failed, if it is none. */
static int32_t read_unit(struct json_reader *reader) {
    int32_t unit = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        int digit = reader->at < reader->end ? hexadecimal(*reader->at) : -1;
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

/* Reads a string, the opening quote being consumed, up to and with its closing quote. `out` (null:
 * only check) has room for the escaped form, which is never shorter. */
static bool read_string(struct json_reader *reader, char *out, size_t *count, size_t *characters) {
    *count = *characters = 0;
    while (reader->at < reader->end && *reader->at != '"') {
        char escaped[4];
        const char *from = reader->at;
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
    return read_string(reader, out, &value->count, characters);
}

/* Reads a key: as it stands in the body, unless it holds escapes. */
static bool read_key(struct json_reader *reader, struct text *key) {
    const char *start = reader->at;
    size_t characters;
    if (!read_string(reader, NULL, &key->count, &characters))
        return false;
    key->bytes = start;
    if (key->count == (size_t)(reader->at - start) - 1)
        return true;
    reader->at = start;
    return json_read_text(reader, key, &characters);
}

bool json_object_next(struct json_reader *reader, bool *first, struct text *key) {
    if (reader->status)
        return false;
    if (json_take(reader, '}')) {
        reader->depth--;
        return false;
    }
    if (!*first && !json_take(reader, ','))
        return json_syntax(reader, "',' or '}'");
    if (!json_take(reader, '"'))
        return json_syntax(reader, *first ? "a string or '}'" : "a string");
    *first = false;
    return read_key(reader, key) && (json_take(reader, ':') || json_syntax(reader, "':'"));
}

bool json_array_next(struct json_reader *reader, bool *first) {
    if (reader->status)
        return false;
    if (json_take(reader, ']')) {
        reader->depth--;
        return false;
    }
    if (!*first && !json_take(reader, ','))
        return json_syntax(reader, "',' or ']'");
    *first = false;
    return true;
}

bool json_read_name(struct json_reader *reader, const char *name) {
    size_t count = strlen(name);
    if ((size_t)(reader->end - reader->at) < count || memcmp(reader->at, name, count) != 0)
        return false;
    reader->at += count;
    return true;
}

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

bool json_skip(struct json_reader *reader) {
    size_t count, characters;
    struct text text;
    bool whole;
    switch (json_peek(reader)) {
    case JSON_NULL:
        return json_read_name(reader, "null") || json_syntax(reader, "a value");
    case JSON_BOOLEAN:
        return json_boolean(reader, NULL, &whole);
    case JSON_NUMBER:
        return json_read_number(reader, &text, &whole);
    case JSON_STRING:
        reader->at++;
        return read_string(reader, NULL, &count, &characters);
    case JSON_ARRAY:
        if (!json_array(reader, NULL))
            return false;
        for (bool first = true; json_array_next(reader, &first);)
            if (!json_skip(reader))
                return false;
        return !reader->status;
    case JSON_OBJECT:
        if (!json_object(reader, NULL))
            return false;
        for (bool first = true; json_object_next(reader, &first, &text);)
            if (!json_skip(reader))
                return false;
        return !reader->status;
    default:
        return json_syntax(reader, "a value");
    }
}
