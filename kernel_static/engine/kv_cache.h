/* The pool of KV cache blocks, and the block table of a sequence. A block holds the keys and
 * values of KV_BLOCK_TOKENS consecutive positions for every layer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reserves up to `most` bytes of memory for the pool; returns how many blocks it holds. */
size_t kv_cache_start(size_t most);

size_t kv_cache_blocks(void);

struct block_table {
    uint32_t *blocks;
    size_t count, capacity;
};

/* An empty table that can grow to `tokens` positions; false when the heap is exhausted. */
bool block_table_start(struct block_table *table, size_t tokens);

/* Makes the table cover `tokens` positions; false when the pool is exhausted. */
bool block_table_cover(struct block_table *table, size_t tokens);

/* Gives all blocks back. */
void block_table_release(struct block_table *table);
