/* Kept blocks form a forest: a block's parent holds the tokens just before its own, so a path from
 * a root spells a prompt's beginning. They are found by a hash of parent and tokens, and the tokens
 * themselves decide. A table refers to whole paths only, and gives them up from the end; so among
 * idle blocks a child is always older than its parent, and the oldest has no children. */
#include "kv_cache.h"

#include <string.h>

#include "forward.h"
#include "heap.h"
#include "metrics.h"
#include "model.h"
#include "panic.h"

#define CONTEXTS 4 /* whole contexts that the pool may hold, memory allowing */
#define NONE UINT32_MAX

struct block {
    uint32_t references;
    bool kept;                 /* known by its tokens; the fields below are set */
    uint32_t parent, children; /* NONE: begins a sequence; kept children */
    uint32_t next_in_slot;     /* another block of the same hash */
    uint32_t older, younger;   /* idle neighbours, while no table refers to it */
};

static struct block *blocks;
static int32_t *block_tokens; /* of kept blocks: a block's tokens, one block after another */
static uint32_t *free_blocks; /* a stack */
static uint32_t *slots;       /* by hash: the first block, or NONE */
static uint32_t oldest, youngest;
static size_t total, free_count, idle_kept, slot_count;

/* Blocks that hold so many positions. */
static size_t blocks_for(size_t tokens) {
    return (tokens + served_model->block_tokens - 1) / served_model->block_tokens;
}

/* The tokens of a kept block. */
static int32_t *tokens_of(uint32_t number) {
    return &block_tokens[number * served_model->block_tokens];
}

static size_t tokens_size(void) { return served_model->block_tokens * sizeof *block_tokens; }

static uint32_t *slot_of(uint32_t parent, const int32_t *tokens) {
    uint32_t mixed = parent * UINT32_C(0x9E3779B1);
    for (size_t i = 0; i < served_model->block_tokens; i++)
        mixed = (mixed ^ (uint32_t)tokens[i] ^ mixed >> 15) * UINT32_C(0x85EBCA77);
    return &slots[(mixed ^ mixed >> 16) & (slot_count - 1)];
}

size_t kv_cache_start(size_t most) {
    size_t wanted = CONTEXTS * blocks_for(served_model->context);
    size_t fitting = most / served_model->block_bytes;
    total = fitting < wanted ? fitting : wanted;
    for (slot_count = 1; slot_count < total;)
        slot_count *= 2;
    blocks = heap_allocate(total * sizeof(*blocks));
    block_tokens = heap_allocate(total * served_model->block_tokens * sizeof(*block_tokens));
    free_blocks = heap_allocate(total * sizeof(*free_blocks));
    slots = heap_allocate(slot_count * sizeof(*slots));
    void *memory = total ? memory_reserve(total * served_model->block_bytes) : NULL;
    if (!memory || !blocks || !block_tokens || !free_blocks || !slots)
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
    while (number != NONE &&
           (blocks[number].parent != parent || memcmp(tokens_of(number), tokens, tokens_size())))
        number = blocks[number].next_in_slot;
    return number;
}

static void keep(uint32_t number, uint32_t parent, const int32_t *tokens) {
    struct block *block = &blocks[number];
    uint32_t *slot = slot_of(parent, tokens);
    block->kept = true;
    block->parent = parent;
    block->children = 0;
    memcpy(tokens_of(number), tokens, tokens_size());
    block->next_in_slot = *slot;
    *slot = number;
    if (parent != NONE)
        blocks[parent].children++;
}

static void forget(uint32_t number) {
    struct block *block = &blocks[number];
    uint32_t *link = slot_of(block->parent, tokens_of(number));
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
        metric_count(METRIC_KV_BLOCKS_EVICTED);
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
    *table = (struct block_table){.capacity = blocks_for(tokens)};
    table->blocks = heap_allocate(table->capacity * sizeof(*table->blocks));
    return table->blocks != NULL;
}

size_t block_table_take_kept(struct block_table *table, const int32_t *tokens, size_t count) {
    uint32_t parent = NONE;
    kernel_assert(table->count == 0);
    for (size_t at = 0; at + served_model->block_tokens < count; at += served_model->block_tokens) {
        uint32_t found = find(parent, tokens + at);
        if (found == NONE)
            break;
        refer(found);
        table->blocks[table->count++] = parent = found;
    }
    return table->count * served_model->block_tokens;
}

size_t block_table_lacks(const struct block_table *table, size_t tokens) {
    size_t needed = blocks_for(tokens);
    return needed > table->count ? needed - table->count : 0;
}

bool block_table_cover(struct block_table *table, size_t tokens) {
    size_t needed = blocks_for(tokens);
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
    for (size_t i = 0; i < count / served_model->block_tokens; i++) {
        uint32_t own = table->blocks[i];
        if (!blocks[own].kept) {
            uint32_t other = find(parent, tokens + i * served_model->block_tokens);
            if (other == NONE) {
                keep(own, parent, tokens + i * served_model->block_tokens);
            } else {
                refer(other);
                give_up(own);
                table->blocks[i] = other;
            }
        }
        parent = table->blocks[i];
    }
}

void block_table_clear(struct block_table *table) {
    while (table->count > 0)
        give_up(table->blocks[--table->count]);
}

void block_table_release(struct block_table *table) {
    block_table_clear(table);
    heap_release(table->blocks);
    *table = (struct block_table){0};
}
