/* A run of bytes that somebody else owns: how strings travel inside the kernel. UTF-8 where the
 * text came through a request parser; not terminated by a zero byte. */
#pragma once

#include <stddef.h>

struct text {
    const char *bytes;
    size_t count;
};
