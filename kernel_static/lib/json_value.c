/* Typed values of JSON within bounds. */
#include "json_lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 64 /* numbers up to this length are converted on the stack */

bool json_string(struct json_reader *reader, const struct json_path *path, size_t least,
                 size_t most, struct text *value) {
    size_t characters;
    if (json_peek(reader) != JSON_STRING)
        return json_wrong_type(reader, path, "a string");
    reader->at++;
    return json_read_text(reader, value, &characters) &&
           json_size(reader, path, "character", characters, least, most);
}

bool json_boolean(struct json_reader *reader, const struct json_path *path, bool *value) {
    if (json_peek(reader) != JSON_BOOLEAN)
        return json_wrong_type(reader, path, "a boolean");
    *value = *reader->at == 't';
    return json_read_name(reader, *value ? "true" : "false") || json_syntax(reader, "a value");
}

/* The double nearest to a number's text; infinite if too large. */
static bool to_double(struct json_reader *reader, struct text number, double *value) {
    char room[NUMBER_BYTES];
    char *copy = room;
    if (number.count >= sizeof room)
        copy = arena_allocate(reader->arena, number.count + 1);
    if (!copy) {
        json_no_memory(reader);
        return false;
    }
    memcpy(copy, number.bytes, number.count);
    copy[number.count] = 0;
    *value = strtod(copy, NULL);
    return true;
}

/* Consumes a number as a double that is finite. */
static bool read_double(struct json_reader *reader, const struct json_path *path, double *value) {
    struct text number;
    bool whole;
    if (!json_read_number(reader, &number, &whole) || !to_double(reader, number, value))
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
    if (!json_read_number(reader, &number, &whole))
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
    else if (least == INT64_MIN || (most == INT64_MAX && !fits && number.bytes[0] != '-'))
        snprintf(rule, sizeof rule, "must be at most %lld", (long long)most);
    else if (most == INT64_MAX)
        snprintf(rule, sizeof rule, "must be at least %lld", (long long)least);
    else
        snprintf(rule, sizeof rule, "must be between %lld and %lld", (long long)least,
                 (long long)most);
    return json_rule(reader, path, rule);
}

bool json_is_null(struct json_reader *reader) {
    return json_peek(reader) == JSON_NULL && json_read_name(reader, "null");
}

bool json_is_boolean(struct json_reader *reader, bool value) {
    return json_peek(reader) == JSON_BOOLEAN && json_read_name(reader, value ? "true" : "false");
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
    return (json_read_number(reader, &number, &whole) && to_double(reader, number, &found) &&
            found == value) ||
           unread(reader, start);
}

bool json_is_string(struct json_reader *reader, const char *value) {
    struct text found;
    size_t characters;
    if (json_peek(reader) != JSON_STRING)
        return false;
    const char *start = reader->at++;
    return (json_read_text(reader, &found, &characters) && text_is(found, value)) ||
           unread(reader, start);
}

bool json_is_empty_array(struct json_reader *reader) {
    const char *start = reader->at;
    return (json_take(reader, '[') && json_take(reader, ']')) || unread(reader, start);
}

bool json_is_empty_object(struct json_reader *reader) {
    const char *start = reader->at;
    return (json_take(reader, '{') && json_take(reader, '}')) || unread(reader, start);
}

void *json_allocate(struct json_reader *reader, size_t size) {
    void *block = arena_allocate(reader->arena, size);
    if (!block)
        json_no_memory(reader);
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
        json_no_memory(reader);
    *capacity = wanted;
    return grown;
}
