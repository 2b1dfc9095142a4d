/* What json_value.c uses of json_read.c: the pieces below typed values. */
#pragma once

#include "json.h"

/* Record a failure (the first stays) and return false. */
bool json_syntax(struct json_reader *reader, const char *expected);
bool json_no_memory(struct json_reader *reader);

/* Consumes one byte if it is the next, after whitespace. */
bool json_take(struct json_reader *reader, char byte);

/* Consumes one of the three literal names if it stands here. */
bool json_read_name(struct json_reader *reader, const char *name);

/* Consumes a number that begins here; *whole is false if it has a fraction or an exponent. */
bool json_read_number(struct json_reader *reader, struct text *number, bool *whole);

/* Reads a string into the arena, the opening quote being consumed. */
bool json_read_text(struct json_reader *reader, struct text *value, size_t *characters);
