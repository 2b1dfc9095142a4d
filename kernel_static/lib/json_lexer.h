/* What the files of the JSON reader share. They stand on each other: json_error.c, json_lexer.c,
 * json_read.c (shape), json_value.c (types and bounds). */
#pragma once

#include "json.h"

/* Record a failure (the first stays) and return false. */
bool json_syntax(struct json_reader *reader, const char *expected);
bool json_no_memory(struct json_reader *reader);
bool json_too_deep(struct json_reader *reader);

/* Completes "messages must have at least 2 elements."; the noun is the singular. */
bool json_size(struct json_reader *reader, const struct json_path *path, const char *noun,
               size_t count, size_t least, size_t most);

void json_skip_space(struct json_reader *reader);

/* Consumes one byte if it is the next, after whitespace. */
bool json_take(struct json_reader *reader, char byte);

/* Consumes one of the three literal names if it stands here. */
bool json_read_name(struct json_reader *reader, const char *name);

/* Consumes a number that begins here; *whole is false if it has a fraction or an exponent. */
bool json_read_number(struct json_reader *reader, struct text *number, bool *whole);

/* Reads a string, the opening quote being consumed, up to and with its closing quote. `out` (null:
 * only check) has room for the escaped form, which is never shorter. */
bool json_read_string(struct json_reader *reader, char *out, size_t *count, size_t *characters);

/* The same into the arena. */
bool json_read_text(struct json_reader *reader, struct text *value, size_t *characters);
