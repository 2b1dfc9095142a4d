/* Paths of request targets (RFC 3986). */
#pragma once

#include <stddef.h>

#include "text.h"

/* Writes the path with encoded unreserved characters decoded (section 6.2.2.2), others as they
 * are, to `to`, which holds path.count bytes. Returns the bytes written; 0 if a percent sign is not
 * followed by two hexadecimal digits. */
size_t path_normalise(struct text path, char *to);
