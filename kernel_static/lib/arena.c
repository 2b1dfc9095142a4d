/* Chunks in a list, the newest first; only the newest is allocated from. */
#include "arena.h"

#include <stdint.h>
#include <string.h>

#include "heap.h"

#define CHUNK_SMALLEST ((size_t)2048 - sizeof(struct arena_chunk))
#define CHUNK_LARGEST ((size_t)65536 - sizeof(struct arena_chunk))

struct arena_chunk {
    struct arena_chunk *next; /* older */
    size_t size, used;        /* of `bytes` */
    _Alignas(16) uint8_t bytes[];
};

static size_t rounded(size_t size) { return (size + 15) & ~(size_t)15; }

void arena_start(struct arena *arena, size_t limit) { *arena = (struct arena){.limit = limit}; }

/* Makes a chunk that holds at least size bytes the newest; chunks double so that their number
 * grows with the logarithm of what is asked. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t size) {
    size_t capacity = arena->chunks ? 2 * arena->chunks->size : CHUNK_SMALLEST;
    if (capacity > CHUNK_LARGEST)
        capacity = CHUNK_LARGEST;
    if (capacity < size)
        capacity = size;
    if (!budget_take(arena->budget, sizeof(struct arena_chunk) + capacity))
        return NULL;
    struct arena_chunk *chunk = heap_allocate(sizeof *chunk + capacity);
    if (!chunk) {
        budget_give(arena->budget, sizeof *chunk + capacity);
        return NULL;
    }
    chunk->next = arena->chunks;
    chunk->size = capacity;
    chunk->used = 0;
    arena->chunks = chunk;
    return chunk;
}

void *arena_allocate(struct arena *arena, size_t size) {
    if (size > arena->limit - arena->used)
        return NULL;
    size_t room = size ? rounded(size) : 16;
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || room > chunk->size - chunk->used) {
        chunk = add_chunk(arena, room);
        if (!chunk)
            return NULL;
    }
    void *block = chunk->bytes + chunk->used;
    chunk->used += room;
    arena->used += size;
    return block;
}

void *arena_resize(struct arena *arena, void *block, size_t old_size, size_t new_size) {
    if (!block)
        return arena_allocate(arena, new_size);
    struct arena_chunk *chunk = arena->chunks;
    size_t old_room = old_size ? rounded(old_size) : 16;
    size_t new_room = new_size ? rounded(new_size) : 16;
    if ((uint8_t *)block + old_room == chunk->bytes + chunk->used) {
        size_t before = chunk->used - old_room;
        if (new_size > old_size && new_size - old_size > arena->limit - arena->used)
            return NULL;
        if (new_room <= chunk->size - before) {
            chunk->used = before + new_room;
            arena->used += new_size - old_size;
            return block;
        }
    }
    if (new_size <= old_size)
        return block;
    void *moved = arena_allocate(arena, new_size);
    if (moved)
        memcpy(moved, block, old_size);
    return moved;
}

void arena_release(struct arena *arena) {
    for (struct arena_chunk *chunk = arena->chunks; chunk;) {
        struct arena_chunk *next = chunk->next;
        budget_give(arena->budget, sizeof *chunk + chunk->size);
        heap_release(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->used = 0;
}
