/* A run of bytes that somebody else owns: how strings travel inside the kernel. UTF-8 where the
 * text came through a request parser; not terminated by a zero byte. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *bytes;
    size_t count;
};

/* The texts have the same bytes. */
bool text_equal(struct text one, struct text other);

/* The text is exactly this literal. */
bool text_is(struct text text, const char *literal);

bool text_starts_with(struct text text, struct text part);
bool text_ends_with(struct text text, struct text part);

/* The value of a hexadecimal digit, or -1. */
int hexadecimal_value(char digit);
