/* Reading JSON (RFC 8259): the lexical part of it, which generated parsers steer. */
#include "json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define NUMBER_BYTES 64 /* numbers up to this length are converted on the stack */

static bool syntax(struct json_reader *reader, const char *expected) {
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

static bool no_memory(struct json_reader *reader) {
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

/* Consumes one byte if it is the next, after whitespace. */
static bool take(struct json_reader *reader, char byte) {
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
    return reader->at == reader->end ? !reader->status : syntax(reader, "the end");
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
            syntax(reader, "four hexadecimal digits");
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Reads what follows a backslash (RFC 8259 section 7) as UTF-8; 0, having failed, if nothing may. */
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
        return syntax(reader, "one of \"\\/bfnrtu after a backslash");
    reader->at++;
    int32_t unit = read_unit(reader);
    if (unit < 0)
        return 0;
    if (unit >= 0xdc00 && unit < 0xe000)
        return syntax(reader, "a high surrogate before a low one");
    if (unit < 0xd800 || unit >= 0xe000)
        return utf8_encode((uint32_t)unit, bytes);
    if (reader->end - reader->at < 2 || reader->at[0] != '\\' || reader->at[1] != 'u')
        return syntax(reader, "a low surrogate (\\uDC00 to \\uDFFF)");
    reader->at += 2;
    int32_t low = read_unit(reader);
    if (low < 0)
        return 0;
    if (low < 0xdc00 || low >= 0xe000)
        return syntax(reader, "a low surrogate (\\uDC00 to \\uDFFF)");
    return utf8_encode((uint32_t)(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)), bytes);
}

/* Reads a string, the opening quote being consumed, up to and with its closing quote. `out` (null: only
 * check) has room for the escaped form, which is never shorter. */
static bool read_string(struct json_reader *reader, char *out, size_t *count, size_t *characters) {
    *count = *characters = 0;
    while (reader->at < reader->end && *reader->at != '"') {
        char escaped[4];
        const char *from = reader->at;
        size_t size;
        if ((uint8_t)*from < 0x20)
            return syntax(reader, "an escape for a control character");
        if (*from == '\\') {
            reader->at++;
            size = read_escape(reader, escaped);
            from = escaped;
        } else {
            size = utf8_character(from, (size_t)(reader->end - from));
            reader->at += size;
            if (size == 0)
                return syntax(reader, "UTF-8");
        }
        if (size == 0)
            return false;
        if (out)
            memcpy(out + *count, from, size);
        *count += size;
        ++*characters;
    }
    if (reader->at == reader->end)
        return syntax(reader, "a closing quote");
    reader->at++;
    return true;
}

/* Reads a string into the arena, the opening quote being consumed. */
static bool read_text(struct json_reader *reader, struct text *value, size_t *characters) {
    const char *at = reader->at;
    while (at < reader->end && *at != '"')
        at += *at == '\\' && reader->end - at > 1 ? 2 : 1;
    char *out = arena_allocate(reader->arena, (size_t)(at - reader->at) + 1);
    if (!out)
        return no_memory(reader);
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
    return read_text(reader, key, &characters);
}

bool json_object_next(struct json_reader *reader, bool *first, struct text *key) {
    if (reader->status)
        return false;
    if (take(reader, '}')) {
        reader->depth--;
        return false;
    }
    if (!*first && !take(reader, ','))
        return syntax(reader, "',' or '}'");
    if (!take(reader, '"'))
        return syntax(reader, *first ? "a string or '}'" : "a string");
    *first = false;
    return read_key(reader, key) && (take(reader, ':') || syntax(reader, "':'"));
}

bool json_array_next(struct json_reader *reader, bool *first) {
    if (reader->status)
        return false;
    if (take(reader, ']')) {
        reader->depth--;
        return false;
    }
    if (!*first && !take(reader, ','))
        return syntax(reader, "',' or ']'");
    *first = false;
    return true;
}

/* Writes the path into text[0..size), always terminated. */
static void format_path(const struct json_path *path, char *text, size_t size) {
    if (!path) {
        text[0] = 0;
        return;
    }
    format_path(path->parent, text, size);
    size_t used = strlen(text);
    if (!path->field)
        snprintf(text + used, size - used, "[%zu]", path->index);
    else
        snprintf(text + used, size - used, "%s%s", used ? "." : "", path->field);
}

bool json_rule(struct json_reader *reader, const struct json_path *path, const char *rule) {
    if (reader->status)
        return false;
    reader->status = 400;
    format_path(path, reader->param, sizeof reader->param);
    snprintf(reader->message, sizeof reader->message, "%s %s.",
             path ? reader->param : "The request body", rule);
    return false;
}

bool json_missing(struct json_reader *reader, const struct json_path *path, const char *field) {
    const struct json_path here = {.parent = path, .field = field};
    return json_rule(reader, &here, "is required");
}

bool json_wrong_type(struct json_reader *reader, const struct json_path *path,
                     const char *expected) {
    static const char *const found[] = {
        [JSON_NULL] = "null",       [JSON_BOOLEAN] = "a boolean", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",    [JSON_OBJECT] = "an object",
    };
    char rule[200];
    enum json_kind kind = json_peek(reader);
    if (kind == JSON_INVALID)
        return syntax(reader, "a value");
    snprintf(rule, sizeof rule, "must be %s, not %s", expected, found[kind]);
    return json_rule(reader, path, rule);
}

bool json_item_count(struct json_reader *reader, const struct json_path *path, size_t count,
                     size_t least, size_t most) {
    char rule[80];
    if (reader->status)
        return false;
    if (count >= least && count <= most)
        return true;
    if (count < least)
        snprintf(rule, sizeof rule, "must have at least %zu element%s", least, least > 1 ? "s" : "");
    else
        snprintf(rule, sizeof rule, "must have at most %zu element%s", most, most != 1 ? "s" : "");
    return json_rule(reader, path, rule);
}

bool json_string(struct json_reader *reader, const struct json_path *path, size_t least,
                 size_t most, struct text *value) {
    char rule[80];
    size_t characters;
    if (json_peek(reader) != JSON_STRING)
        return json_wrong_type(reader, path, "a string");
    reader->at++;
    if (!read_text(reader, value, &characters))
        return false;
    if (characters >= least && characters <= most)
        return true;
    if (characters < least)
        snprintf(rule, sizeof rule, "must have at least %zu character%s", least, least > 1 ? "s" : "");
    else
        snprintf(rule, sizeof rule, "must have at most %zu character%s", most, most != 1 ? "s" : "");
    return json_rule(reader, path, rule);
}

/* Consumes one of the three literal names. */
static bool read_name(struct json_reader *reader, const char *name) {
    size_t count = strlen(name);
    if ((size_t)(reader->end - reader->at) < count || memcmp(reader->at, name, count) != 0)
        return false;
    reader->at += count;
    return true;
}

bool json_boolean(struct json_reader *reader, const struct json_path *path, bool *value) {
    if (json_peek(reader) != JSON_BOOLEAN)
        return json_wrong_type(reader, path, "a boolean");
    *value = *reader->at == 't';
    return read_name(reader, *value ? "true" : "false") || syntax(reader, "a value");
}

static bool digits(struct json_reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return reader->at > start || syntax(reader, "a digit");
}

/* Consumes a number (RFC 8259 section 6); *whole is false if it has a fraction or exponent. */
static bool read_number(struct json_reader *reader, struct text *number, bool *whole) {
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

/* The double nearest to a number's text; infinite if too large. */
static bool to_double(struct json_reader *reader, struct text number, double *value) {
    char room[NUMBER_BYTES];
    char *copy = room;
    if (number.count >= sizeof room && !(copy = arena_allocate(reader->arena, number.count + 1)))
        return no_memory(reader);
    memcpy(copy, number.bytes, number.count);
    copy[number.count] = 0;
    *value = strtod(copy, NULL);
    return true;
}

/* Consumes a number as a double that is finite. */
static bool read_double(struct json_reader *reader, const struct json_path *path, double *value) {
    struct text number;
    bool whole;
    if (!read_number(reader, &number, &whole) || !to_double(reader, number, value))
        return false;
    return *value - *value == 0 || json_rule(reader, path, "is too large");
}

bool json_number(struct json_reader *reader, const struct json_path *path, double least,
                 double most, double *value) {
    char rule[80];
    if (json_peek(reader) != JSON_NUMBER)
        return json_wrong_type(reader, path, "a number");
    if (!read_double(reader, path, value))
        return false;
    if (*value >= least && *value <= most)
        return true;
    if (least < -1e300)
        snprintf(rule, sizeof rule, "must be at most %.15g", most);
    else if (most > 1e300)
        snprintf(rule, sizeof rule, "must be at least %.15g", least);
    else
        snprintf(rule, sizeof rule, "must be between %.15g and %.15g", least, most);
    return json_rule(reader, path, rule);
}

/* The value of digits with an optional sign; false if 64 bits do not hold it. */
static bool to_integer(struct text number, int64_t *value) {
    bool negative = number.bytes[0] == '-';
    uint64_t magnitude = 0, most = (uint64_t)INT64_MAX + negative;
    for (size_t i = negative; i < number.count; i++) {
        uint64_t digit = (uint64_t)(number.bytes[i] - '0');
        if (magnitude > (most - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* 1.0 and 1e2 are integers too, as JSON Schema has it. */
bool json_integer(struct json_reader *reader, const struct json_path *path, int64_t least,
                  int64_t most, int64_t *value) {
    char rule[80];
    struct text number;
    bool whole, fits;
    if (json_peek(reader) != JSON_NUMBER)
        return json_wrong_type(reader, path, "an integer");
    if (!read_number(reader, &number, &whole))
        return false;
    if (whole) {
        fits = to_integer(number, value);
    } else {
        double real;
        if (!to_double(reader, number, &real))
            return false;
        fits = real > -9007199254740992.0 && real < 9007199254740992.0; /* exact up to 2^53 */
        *value = fits ? (int64_t)real : 0;
        if (fits && (double)*value != real)
            return json_rule(reader, path, "must be an integer");
    }
    if (fits && *value >= least && *value <= most)
        return true;
    if (least == INT64_MIN && most == INT64_MAX)
        snprintf(rule, sizeof rule, "must be an integer of 64 bits");
    else if (least == INT64_MIN)
        snprintf(rule, sizeof rule, "must be at most %lld", (long long)most);
    else if (most == INT64_MAX && (!fits ? number.bytes[0] != '-' : false))
        snprintf(rule, sizeof rule, "must be at most %lld", (long long)most);
    else if (most == INT64_MAX)
        snprintf(rule, sizeof rule, "must be at least %lld", (long long)least);
    else
        snprintf(rule, sizeof rule, "must be between %lld and %lld", (long long)least, (long long)most);
    return json_rule(reader, path, rule);
}

bool json_skip(struct json_reader *reader) {
    size_t count, characters;
    struct text text;
    bool whole;
    switch (json_peek(reader)) {
    case JSON_NULL:
        return read_name(reader, "null") || syntax(reader, "a value");
    case JSON_BOOLEAN:
        return json_boolean(reader, NULL, &whole);
    case JSON_NUMBER:
        return read_number(reader, &text, &whole);
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
        return syntax(reader, "a value");
    }
}

bool json_is_null(struct json_reader *reader) {
    return json_peek(reader) == JSON_NULL && read_name(reader, "null");
}

bool json_is_boolean(struct json_reader *reader, bool value) {
    return json_peek(reader) == JSON_BOOLEAN && read_name(reader, value ? "true" : "false");
}

/* Puts the reader back where a comparison that failed began. */
static bool unread(struct json_reader *reader, const char *at) {
    if (!reader->status)
        reader->at = at;
    return false;
}

bool json_is_number(struct json_reader *reader, double value) {
    double found;
    struct text number;
    bool whole;
    if (json_peek(reader) != JSON_NUMBER)
        return false;
    const char *start = reader->at;
    return (read_number(reader, &number, &whole) && to_double(reader, number, &found) &&
            found == value) ||
           unread(reader, start);
}

bool json_is_string(struct json_reader *reader, const char *value) {
    struct text found;
    size_t characters;
    if (json_peek(reader) != JSON_STRING)
        return false;
    const char *start = reader->at++;
    return (read_text(reader, &found, &characters) && found.count == strlen(value) &&
            memcmp(found.bytes, value, found.count) == 0) ||
           unread(reader, start);
}

bool json_is_empty_array(struct json_reader *reader) {
    const char *start = reader->at;
    return (take(reader, '[') && take(reader, ']')) || unread(reader, start);
}

bool json_is_empty_object(struct json_reader *reader) {
    const char *start = reader->at;
    return (take(reader, '{') && take(reader, '}')) || unread(reader, start);
}

void *json_allocate(struct json_reader *reader, size_t size) {
    void *block = arena_allocate(reader->arena, size);
    if (!block)
        no_memory(reader);
    return block;
}

void *json_grow(struct json_reader *reader, void *items, size_t count, size_t *capacity,
                size_t size) {
    if (count < *capacity)
        return items;
    size_t wanted = *capacity ? 2 * *capacity : 8;
    void *grown = items ? arena_resize(reader->arena, items, *capacity * size, wanted * size)
                        : arena_allocate(reader->arena, wanted * size);
    if (!grown)
        no_memory(reader);
    *capacity = wanted;
    return grown;
}

void json_reject(const struct json_reader *reader, struct http_exchange *exchange) {
    http_error(exchange, reader->status, "invalid_request_error",
               reader->param[0] ? reader->param : NULL, "%s", reader->message);
}
