/* A growing byte buffer over the heap: what response writers append to. A failed append sets
 * `failed` and is otherwise harmless, so that writers check once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"

struct buffer {
    char *bytes;
    size_t count, capacity;
    size_t limit; /* most bytes it may hold */
    bool failed;
    struct budget *budget; /* of the capacity; null, as buffer_start leaves it: any number */
};

void buffer_start(struct buffer *buffer, size_t limit);
void buffer_append(struct buffer *buffer, const void *bytes, size_t count);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_clear(struct buffer *buffer);   /* keeps the memory */
void buffer_release(struct buffer *buffer); /* gives the memory back */
