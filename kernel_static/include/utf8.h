/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Bytes of the well-formed character at the start (1 to 4), or 0 if there is none. */
size_t utf8_character(const char *bytes, size_t count);

/* True if all the bytes are the beginning of a well-formed character that needs more. */
bool utf8_incomplete(const char *bytes, size_t count);

/* True if the whole text is well-formed. */
bool utf8_valid(struct text text);

/* Writes one scalar value (not a surrogate) as 1 to 4 bytes; returns how many. */
size_t utf8_encode(uint32_t scalar, char bytes[4]);
