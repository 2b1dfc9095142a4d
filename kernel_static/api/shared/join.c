/* Texts one after another. */
#include "join.h"

#include <string.h>

struct text join(struct arena *arena, size_t count,
                 struct text (*part)(const void *parts, size_t index), const void *parts) {
    size_t size = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        size += part(parts, i).count;
    char *bytes = arena_allocate(arena, size + 1);
    for (size_t i = 0; bytes && i < count; i++) {
        struct text text = part(parts, i);
        memcpy(bytes + at, text.bytes, text.count);
        at += text.count;
    }
    return (struct text){bytes, at};
}
