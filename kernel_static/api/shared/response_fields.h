/* An answer's fields, of which a request wants only some (llama.cpp's `response_fields`). */
#pragma once

#include <stddef.h>

#include "buffer.h"
#include "text.h"

/* Appends an object of the wanted fields of `whole`, a JSON object. A field of a field is named
 * with a slash between, and keeps that name; what `whole` has not is left out. */
void response_fields_write(struct buffer *body, struct text whole, const struct text *wanted,
                           size_t count);
