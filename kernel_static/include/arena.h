/* A bump allocator over heap chunks, released all at once: what one HTTP exchange allocates. */
#pragma once

#include <stddef.h>

#include "budget.h"

struct arena {
    struct arena_chunk *chunks;
    size_t used;           /* bytes handed out */
    size_t limit;          /* most bytes that may be handed out */
    struct budget *budget; /* of the chunks; null, as arena_start leaves it: any number */
};

void arena_start(struct arena *arena, size_t limit);

/* Size bytes aligned to 16, not zeroed; null when the limit, the budget or the heap is exhausted.
 */
void *arena_allocate(struct arena *arena, size_t size);

/* Grows the newest allocation in place if it can, else copies; null when there is no room. */
void *arena_resize(struct arena *arena, void *block, size_t old_size, size_t new_size);

void arena_release(struct arena *arena);
