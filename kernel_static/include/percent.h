/* Percent-encoding of URLs (RFC 3986 section 2.1). */
#pragma once

#include <stdbool.h>

#include "arena.h"
#include "text.h"

/* The byte that %XX at `at` stands for; -1 if it is malformed. */
int percent_byte(struct text text, size_t at);

/* Decodes %XX into the arena. False if a triplet is broken or the bytes are not UTF-8, and, with
 * the bytes of `decoded` null, if there is no memory. A plus sign stays one. */
bool percent_decode(struct text text, struct arena *arena, struct text *decoded);
