/* What generated parsers and writers of JSON (RFC 8259) call. Reading is one pass over the body
 * into typed structs, without a tree of values; strings are unescaped into the arena.
 *
 * Every reading function returns false once anything is wrong; the first thing wrong is kept in
 * `status`, `param` and `message`, and parsers simply return. A reader accepts exactly what RFC
 * 8259 accepts, with these choices where it leaves one: text is UTF-8 without a byte order mark; an
 * escaped surrogate needs its partner; of duplicate keys the last wins; numbers that a field cannot
 * hold are refused, never rounded to infinity; nesting deeper than the limit is refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "text.h"

/* Where in the document a value stands: a chain through the parsers' stack frames. The whole
 * document has path null. */
struct json_path {
    const struct json_path *parent;
    const char *field; /* null: an element of an array */
    size_t index;
};

struct json_reader {
    const char *start, *at, *end;
    struct arena *arena;
    unsigned depth, depth_limit;
    unsigned status;   /* 0: all well; else the HTTP status to answer with */
    char param[96];    /* path of the field at fault, such as messages[2].content; empty: none */
    char message[320]; /* which rule it broke */
};

/* What a value is, by its first byte. */
enum json_kind {
    JSON_INVALID, /* the end, or a byte that starts no value */
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* Starts reading a body, which must stay where it is until json_end. Results live in the arena. */
void json_begin(struct json_reader *reader, struct text body, struct arena *arena,
                unsigned depth_limit);

/* Nothing but whitespace may follow. */
bool json_end(struct json_reader *reader);

/* The kind of the next value; of the first element if the next value is an array (JSON_INVALID if
 * it is empty or none). Nothing is consumed but whitespace. */
enum json_kind json_peek(struct json_reader *reader);
enum json_kind json_peek_element(struct json_reader *reader);

/* Opens an object or array, then steps through it; `first` is the caller's, true before the first
 * step. A step is true when a member (its key is read, its value comes next) or element follows. */
bool json_object(struct json_reader *reader, const struct json_path *path);
bool json_object_next(struct json_reader *reader, bool *first, struct text *key);
bool json_array(struct json_reader *reader, const struct json_path *path);
bool json_array_next(struct json_reader *reader, bool *first);

/* Reads one value of a type within bounds (lengths count characters, not bytes). */
bool json_string(struct json_reader *reader, const struct json_path *path, size_t least,
                 size_t most, struct text *value);
bool json_boolean(struct json_reader *reader, const struct json_path *path, bool *value);
bool json_integer(struct json_reader *reader, const struct json_path *path, int64_t least,
                  int64_t most, int64_t *value);
bool json_number(struct json_reader *reader, const struct json_path *path, double least,
                 double most, double *value);

/* Reads over one value of any type, checking its syntax. */
bool json_skip(struct json_reader *reader);

/* Consumes the next value and returns true if it equals the one named; else consumes nothing. */
bool json_is_null(struct json_reader *reader);
bool json_is_boolean(struct json_reader *reader, bool value);
bool json_is_number(struct json_reader *reader, double value);
bool json_is_string(struct json_reader *reader, const char *value);
bool json_is_empty_array(struct json_reader *reader);
bool json_is_empty_object(struct json_reader *reader);

/* Room for one more item of `size` bytes in an array that holds `count`; the array moves. Null,
 * having failed, when memory is short. */
void *json_grow(struct json_reader *reader, void *items, size_t count, size_t *capacity,
                size_t size);

/* Memory for one request struct; null, having failed, when memory is short. */
void *json_allocate(struct json_reader *reader, size_t size);

/* Each records what is wrong and returns false. The rule completes a sentence whose subject is the
 * field: "must be ...". */
bool json_rule(struct json_reader *reader, const struct json_path *path, const char *rule);
bool json_missing(struct json_reader *reader, const struct json_path *path, const char *field);
bool json_wrong_type(struct json_reader *reader, const struct json_path *path,
                     const char *expected);
bool json_item_count(struct json_reader *reader, const struct json_path *path, size_t count,
                     size_t least, size_t most);

/* Writing appends to a buffer, which remembers a failure. Text that is not UTF-8 is repaired with
 * U+FFFD; a number that is not finite is written as null. */
void json_write_raw(struct buffer *buffer, const char *json);
void json_write_key(struct buffer *buffer, bool *first, const char *key);
void json_write_comma(struct buffer *buffer, bool *first);
void json_write_string(struct buffer *buffer, struct text value);
void json_write_base64(struct buffer *buffer, struct text bytes);
void json_write_boolean(struct buffer *buffer, bool value);
void json_write_integer(struct buffer *buffer, int64_t value);
void json_write_number(struct buffer *buffer, double value);
void json_write_float(struct buffer *buffer, float value); /* digits enough for a float */
