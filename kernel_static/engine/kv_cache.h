/* The pool of KV cache blocks, and the block table of a sequence. A block holds the keys and
 * values of a model's block_tokens consecutive positions for every layer.
 *
 * Tables count their references to blocks. A block that no table refers to is free, or kept: it
 * still holds what a finished sequence computed for its tokens, given all tokens before them, and
 * a new sequence that begins with the same tokens may share it. Kept blocks make room, least
 * recently used first, when nothing is free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reserves up to `most` bytes of memory for the pool; returns how many blocks it holds. */
size_t kv_cache_start(size_t most);

size_t kv_cache_blocks(void);

/* Blocks that no table refers to: all but `kept` of them hold nothing of use. */
struct kv_cache_idle {
    size_t blocks, kept;
};
struct kv_cache_idle kv_cache_idle(void);

struct block_table {
    uint32_t *blocks;
    size_t count, capacity;
};

/* An empty table that can grow to `tokens` positions; false when the heap is exhausted. */
bool block_table_start(struct block_table *table, size_t tokens);

/* Fills an empty table with kept blocks for the beginning of these tokens, at least one of which
 * is left to compute. Returns the number of positions they hold. */
size_t block_table_take_kept(struct block_table *table, const int32_t *tokens, size_t count);

/* Makes the table cover `tokens` positions; false when every block is referred to. */
bool block_table_cover(struct block_table *table, size_t tokens);

/* Blocks that the table still needs to cover so many positions. */
size_t block_table_lacks(const struct block_table *table, size_t tokens);

/* Makes the full blocks of the table, whose first `count` positions hold these tokens, known for
 * later sequences. */
void block_table_keep(struct block_table *table, const int32_t *tokens, size_t count);

/* Gives up all references. */
void block_table_clear(struct block_table *table);

/* The same, and the table's memory. */
void block_table_release(struct block_table *table);
