/* Kept blocks form a forest: a block's parent holds the tokens just before its own, so a path from
 * a root spells a prompt's beginning. They are found by a hash of parent and tokens, and the tokens
 * themselves decide. A table refers to whole paths only, and gives them up from the end; so among
 * idle blocks a child is always older than its parent, and the oldest has no children. */
#include "kv_cache.h"

#include <string.h>

#include "appliance.h"
#include "forward.h"
#include "heap.h"
#include "panic.h"

#define CONTEXTS 4 /* whole contexts that the pool may hold, memory allowing */
#define NONE UINT32_MAX

struct block {
    uint32_t references;
    bool kept;                 /* known by its tokens; the fields below are set */
    uint32_t parent, children; /* NONE: begins a sequence; kept children */
    uint32_t next_in_slot;     /* another block of the same hash */
    uint32_t older, younger;   /* idle neighbours, while no table refers to it */
    int32_t tokens[KV_BLOCK_TOKENS];
};

static struct block *blocks;
static uint32_t *free_blocks; /* a stack */
static uint32_t *slots;       /* by hash: the first block, or NONE */
static uint32_t oldest, youngest;
static size_t total, free_count, idle_kept, slot_count;

static uint32_t *slot_of(uint32_t parent, const int32_t *tokens) {
    uint32_t mixed = parent * UINT32_C(0x9E3779B1);
    for (size_t i = 0; i < KV_BLOCK_TOKENS; i++)
        mixed = (mixed ^ (uint32_t)tokens[i] ^ mixed >> 15) * UINT32_C(0x85EBCA77);
    return &slots[(mixed ^ mixed >> 16) & (slot_count - 1)];
}

size_t kv_cache_start(size_t most) {
    size_t wanted = CONTEXTS * ((MODEL_CONTEXT + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS);
    total = most / KV_BLOCK_BYTES < wanted ? most / KV_BLOCK_BYTES : wanted;
    for (slot_count = 1; slot_count < total;)
        slot_count *= 2;
    blocks = heap_allocate(total * sizeof(*blocks));
    free_blocks = heap_allocate(total * sizeof(*free_blocks));
    slots = heap_allocate(slot_count * sizeof(*slots));
    void *memory = total ? memory_reserve(total * (size_t)KV_BLOCK_BYTES) : NULL;
    if (!memory || !blocks || !free_blocks || !slots)
        return total = 0;
    memset(blocks, 0, total * sizeof(*blocks));
    memset(slots, 0xff, slot_count * sizeof(*slots));
    oldest = youngest = NONE;
    idle_kept = 0;
    for (free_count = 0; free_count < total; free_count++)
        free_blocks[free_count] = (uint32_t)(total - 1 - free_count);
    forward_set_cache(memory, total);
    return total;
}

size_t kv_cache_blocks(void) { return total; }

struct kv_cache_idle kv_cache_idle(void) {
    return (struct kv_cache_idle){free_count + idle_kept, idle_kept};
}

static void link_youngest(uint32_t number) {
    struct block *block = &blocks[number];
    block->older = youngest;
    block->younger = NONE;
    *(youngest == NONE ? &oldest : &blocks[youngest].younger) = number;
    youngest = number;
    idle_kept++;
}

static void unlink_idle(uint32_t number) {
    const struct block *block = &blocks[number];
    *(block->older == NONE ? &oldest : &blocks[block->older].younger) = block->younger;
    *(block->younger == NONE ? &youngest : &blocks[block->younger].older) = block->older;
    idle_kept--;
}

static uint32_t find(uint32_t parent, const int32_t *tokens) {
    uint32_t number = *slot_of(parent, tokens);
    while (number != NONE && (blocks[number].parent != parent ||
                              memcmp(blocks[number].tokens, tokens, sizeof blocks->tokens)))
        number = blocks[number].next_in_slot;
    return number;
}

static void keep(uint32_t number, uint32_t parent, const int32_t *tokens) {
    struct block *block = &blocks[number];
    uint32_t *slot = slot_of(parent, tokens);
    block->kept = true;
    block->parent = parent;
    block->children = 0;
    memcpy(block->tokens, tokens, sizeof block->tokens);
    block->next_in_slot = *slot;
    *slot = number;
    if (parent != NONE)
        blocks[parent].children++;
}

static void forget(uint32_t number) {
    struct block *block = &blocks[number];
    uint32_t *link = slot_of(block->parent, block->tokens);
    kernel_assert(block->references == 0 && block->children == 0);
    while (*link != number)
        link = &blocks[*link].next_in_slot;
    *link = block->next_in_slot;
    block->kept = false;
    if (block->parent != NONE)
        blocks[block->parent].children--;
}

/* A block without content and with one reference, or NONE. */
static uint32_t take(void) {
    uint32_t number;
    if (free_count) {
        number = free_blocks[--free_count];
    } else {
        number = oldest;
        if (number == NONE)
            return NONE;
        unlink_idle(number);
        forget(number);
    }
    blocks[number].references = 1;
    return number;
}

static void refer(uint32_t number) {
    if (blocks[number].references++ == 0)
        unlink_idle(number);
}

static void give_up(uint32_t number) {
    if (--blocks[number].references)
        return;
    if (blocks[number].kept)
        link_youngest(number);
    else
        free_blocks[free_count++] = number;
}

bool block_table_start(struct block_table *table, size_t tokens) {
    *table = (struct block_table){.capacity = (tokens + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS};
    table->blocks = heap_allocate(table->capacity * sizeof(*table->blocks));
    return table->blocks != NULL;
}

size_t block_table_reuse(struct block_table *table, const int32_t *tokens, size_t count) {
    uint32_t parent = NONE;
    kernel_assert(table->count == 0);
    for (size_t at = 0; at + KV_BLOCK_TOKENS < count; at += KV_BLOCK_TOKENS) {
        uint32_t found = find(parent, tokens + at);
        if (found == NONE)
            break;
        refer(found);
        table->blocks[table->count++] = parent = found;
    }
    return table->count * KV_BLOCK_TOKENS;
}

bool block_table_cover(struct block_table *table, size_t tokens) {
    size_t needed = (tokens + KV_BLOCK_TOKENS - 1) / KV_BLOCK_TOKENS;
    kernel_assert(needed <= table->capacity);
    for (; table->count < needed; table->count++) {
        uint32_t taken = take();
        if (taken == NONE)
            return false;
        table->blocks[table->count] = taken;
    }
    return true;
}

/* Where another block already holds the same, the table goes on with that one instead of its own,
 * so that the path to its later blocks is one of kept blocks that it refers to. */
void block_table_keep(struct block_table *table, const int32_t *tokens, size_t count) {
    uint32_t parent = NONE;
    for (size_t i = 0; i < count / KV_BLOCK_TOKENS; i++) {
        uint32_t own = table->blocks[i];
        if (!blocks[own].kept) {
            uint32_t other = find(parent, tokens + i * KV_BLOCK_TOKENS);
            if (other == NONE) {
                keep(own, parent, tokens + i * KV_BLOCK_TOKENS);
            } else {
                refer(other);
                give_up(own);
                table->blocks[i] = other;
            }
        }
        parent = table->blocks[i];
    }
}

void block_table_release(struct block_table *table) {
    while (table->count > 0)
        give_up(table->blocks[--table->count]);
    heap_release(table->blocks);
    *table = (struct block_table){0};
}
