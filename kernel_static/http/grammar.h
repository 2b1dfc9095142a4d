/* Texts in HTTP's grammar (RFC 9110 section 5.6). */
#pragma once

#include <stdbool.h>

#include "text.h"

/* 1*tchar: the characters of methods and field names. */
bool token_valid(struct text text);

/* The text is, or begins with, this literal but for the case of ASCII letters. */
bool text_is_caseless(struct text text, const char *literal);
bool text_starts_caseless(struct text text, const char *literal);

/* The texts are equal but for the case of ASCII letters. */
bool text_equal_caseless(struct text one, struct text other);

/* Without spaces and tabs at both ends. */
struct text text_trimmed(struct text text);

/* Takes the next element of a comma-separated list off *list, trimmed; empty elements are passed
 * over (section 5.6.1.2). False when none is left. */
bool list_next(struct text *list, struct text *element);
