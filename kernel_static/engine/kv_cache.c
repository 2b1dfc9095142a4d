/* A stack of free block numbers: taking and giving are one step each. */
#include "kv_cache.h"

#include "appliance.h"
#include "forward.h"
#include "heap.h"
#include "panic.h"

static uint32_t *free_blocks;
static size_t free_count, total;

size_t kv_cache_start(size_t most) {
    size_t wanted = (MODEL_CONTEXT + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS;
    total = most / KV_BLOCK_BYTES < wanted ? most / KV_BLOCK_BYTES : wanted;
    free_blocks = heap_allocate(total * sizeof(*free_blocks));
    void *memory = total ? memory_reserve(total * (size_t)KV_BLOCK_BYTES) : NULL;
    if (!memory || !free_blocks)
        return total = 0;
    for (free_count = 0; free_count < total; free_count++)
        free_blocks[free_count] = (uint32_t)(total - 1 - free_count);
    forward_set_cache(memory, total);
    return total;
}

size_t kv_cache_blocks(void) { return total; }

bool block_table_start(struct block_table *table, size_t tokens) {
    *table = (struct block_table){.capacity = (tokens + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS};
    table->blocks = heap_allocate(table->capacity * sizeof(*table->blocks));
    return table->blocks != NULL;
}

bool block_table_cover(struct block_table *table, size_t tokens) {
    size_t needed = (tokens + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS;
    kernel_assert(needed <= table->capacity);
    for (; table->count < needed; table->count++) {
        if (free_count == 0)
            return false;
        table->blocks[table->count] = free_blocks[--free_count];
    }
    return true;
}

void block_table_release(struct block_table *table) {
    while (table->count > 0)
        free_blocks[free_count++] = table->blocks[--table->count];
    heap_release(table->blocks);
    *table = (struct block_table){0};
}
