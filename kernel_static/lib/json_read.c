/* The shape of JSON (RFC 8259): documents, objects and arrays, which generated parsers step
 * through. */
#include "json_lexer.h"

#include <stdio.h>
#include <string.h>

#include "coroutine.h"

void json_begin(struct json_reader *reader, struct text body, struct arena *arena,
                unsigned depth_limit) {
    memset(reader, 0, sizeof *reader);
    reader->start = reader->at = body.bytes;
    reader->end = body.bytes + body.count;
    reader->arena = arena;
    reader->depth_limit = depth_limit;
}

bool json_end(struct json_reader *reader) {
    json_skip_space(reader);
    return reader->at == reader->end ? !reader->status : json_syntax(reader, "the end");
}

enum json_kind json_peek_element(struct json_reader *reader) {
    if (json_peek(reader) != JSON_ARRAY)
        return JSON_INVALID;
    struct json_reader inside = *reader;
    inside.at++;
    return json_peek(&inside);
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
        return json_syntax(reader, "a value");
    snprintf(rule, sizeof rule, "must be %s, not %s", expected, found[kind]);
    return json_rule(reader, path, rule);
}

static bool enter(struct json_reader *reader) {
    return ++reader->depth <= reader->depth_limit || json_too_deep(reader);
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

/* Reads a key: as it stands in the body, unless it holds escapes. */
static bool read_key(struct json_reader *reader, struct text *key) {
    const char *start = reader->at;
    size_t characters;
    if (!json_read_string(reader, NULL, &key->count, &characters))
        return false;
    key->bytes = start;
    if (key->count == (size_t)(reader->at - start) - 1)
        return true;
    reader->at = start;
    return json_read_text(reader, key, &characters);
}

bool json_object_next(struct json_reader *reader, bool *first, struct text *key) {
    coroutine_give_way();
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
    coroutine_give_way();
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

bool json_skip(struct json_reader *reader) {
    size_t count, characters;
    struct text text;
    bool whole;
    switch (json_peek(reader)) {
    case JSON_NULL:
        return json_read_name(reader, "null") || json_syntax(reader, "a value");
    case JSON_BOOLEAN:
        return json_read_name(reader, *reader->at == 't' ? "true" : "false") ||
               json_syntax(reader, "a value");
    case JSON_NUMBER:
        return json_read_number(reader, &text, &whole);
    case JSON_STRING:
        reader->at++;
        return json_read_string(reader, NULL, &count, &characters);
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
