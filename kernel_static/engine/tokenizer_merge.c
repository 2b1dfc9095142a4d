/* Byte-pair merging of one piece in O(n log n): a queue of mergeable pairs, lowest rank first,
 * leftmost first among equals.
 *
 * Symbols lie over the piece's bytes. A symbol of one byte is its token at its place. A longer
 * one has its token at its first byte, minus its length at its last byte, and negative values
 * between; so a value >= 0 marks a symbol's start, and both neighbours are found in one step:
 *
 *     bytes     t   h   e       c   a   t
 *     symbols   87  -2  68      34  512 -2        "th" "e" "c" "at", as an example
 *
 * Queue entries are not withdrawn when a neighbour's merge makes them stale; they are recognised
 * when they surface, because the pair at their place no longer has their rank. */
#include <stdbool.h>

#include "heap.h"
#include "tokenizer_tables.h"

#define SYMBOL_INTERIOR INT32_MIN
#define PIECE_SMALLEST 256 /* memory is not taken in smaller steps than for so many bytes */

static size_t token_length(int32_t token) {
    return tokenizer_tables.offsets[token + 1] - tokenizer_tables.offsets[token];
}

/* The rank of a pair, or TOKENIZER_NO_MERGE. */
static uint32_t pair_rank(int32_t left, int32_t right) {
    uint32_t slots = tokenizer_tables.header->slots.count;
    for (uint32_t slot = tokenizer_slot(left, right, slots);; slot = (slot + 1) & (slots - 1)) {
        uint32_t rank = tokenizer_tables.slots[slot];
        if (rank == TOKENIZER_NO_MERGE)
            return rank;
        const struct tokenizer_merge *merge = &tokenizer_tables.merges[rank];
        if (merge->left == left && merge->right == right)
            return rank;
    }
}

/* Entries that the queue of a piece may hold before stale ones are swept out. */
static size_t queue_limit(size_t bytes) { return bytes + bytes / 4 + 16; }

static bool make_room(struct tokenizer_merger *merger, size_t bytes) {
    if (bytes <= merger->bytes)
        return true;
    tokenizer_merger_release(merger);
    if (bytes < PIECE_SMALLEST)
        bytes = PIECE_SMALLEST;
    merger->symbols = heap_allocate(bytes * sizeof *merger->symbols);
    merger->queue = heap_allocate(queue_limit(bytes) * sizeof *merger->queue);
    if (!merger->symbols || !merger->queue) {
        tokenizer_merger_release(merger);
        return false;
    }
    merger->bytes = bytes;
    return true;
}

void tokenizer_merger_release(struct tokenizer_merger *merger) {
    heap_release(merger->symbols);
    heap_release(merger->queue);
    *merger = (struct tokenizer_merger){0};
}

static void queue_push(struct tokenizer_merger *merger, uint64_t entry) {
    size_t at = merger->queued++;
    for (; at && merger->queue[(at - 1) / 2] > entry; at = (at - 1) / 2)
        merger->queue[at] = merger->queue[(at - 1) / 2];
    merger->queue[at] = entry;
}

static uint64_t queue_pop(struct tokenizer_merger *merger) {
    uint64_t first = merger->queue[0];
    uint64_t last = merger->queue[--merger->queued];
    size_t at = 0;
    for (size_t child = 1; child < merger->queued; child = 2 * at + 1) {
        if (child + 1 < merger->queued && merger->queue[child + 1] < merger->queue[child])
            child++;
        if (merger->queue[child] >= last)
            break;
        merger->queue[at] = merger->queue[child];
        at = child;
    }
    merger->queue[at] = last;
    return first;
}

/* The rank of the symbol at `at` with the one behind it, or TOKENIZER_NO_MERGE. */
static uint32_t rank_at(const struct tokenizer_merger *merger, size_t at, size_t count) {
    size_t behind = at + token_length(merger->symbols[at]);
    return behind < count ? pair_rank(merger->symbols[at], merger->symbols[behind])
                          : TOKENIZER_NO_MERGE;
}

/* Queues every pair that can merge now; whatever was queued is dropped. */
static void queue_all(struct tokenizer_merger *merger, size_t count) {
    merger->queued = 0;
    for (size_t at = 0; at < count; at += token_length(merger->symbols[at])) {
        uint32_t rank = rank_at(merger, at, count);
        if (rank != TOKENIZER_NO_MERGE)
            queue_push(merger, (uint64_t)rank << 32 | at);
    }
}

/* Queues the pair that begins at `at`. At least a fifth of a full queue is stale or was freed by
 * merges, so sweeping costs O(log n) passes over the piece in all. */
static void consider(struct tokenizer_merger *merger, size_t at, size_t count) {
    uint32_t rank = rank_at(merger, at, count);
    if (rank == TOKENIZER_NO_MERGE)
        return;
    if (merger->queued == queue_limit(merger->bytes))
        queue_all(merger, count);
    else
        queue_push(merger, (uint64_t)rank << 32 | at);
}

/* Makes one symbol of the two that begin at `at`. */
static void merge_at(struct tokenizer_merger *merger, size_t at, uint32_t rank, size_t count) {
    int32_t *symbols = merger->symbols;
    size_t right = at + token_length(symbols[at]);
    size_t end = right + token_length(symbols[right]);
    symbols[right] = SYMBOL_INTERIOR;
    symbols[at] = tokenizer_tables.merges[rank].result;
    symbols[end - 1] = -(int32_t)(end - at);
    if (at)
        consider(merger, symbols[at - 1] >= 0 ? at - 1 : at - (size_t)-symbols[at - 1], count);
    consider(merger, at, count);
}

ptrdiff_t tokenizer_merge_piece(struct tokenizer_merger *merger, const char *bytes, size_t count,
                                int32_t *tokens, size_t capacity) {
    if (!make_room(merger, count))
        return -1;
    size_t symbols = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t token = tokenizer_tables.byte_tokens[(unsigned char)bytes[i]];
        if (token >= 0) /* bytes outside the vocabulary vanish before merging */
            merger->symbols[symbols++] = token;
    }
    queue_all(merger, symbols);
    while (merger->queued) {
        uint64_t entry = queue_pop(merger);
        size_t at = (uint32_t)entry;
        uint32_t rank = (uint32_t)(entry >> 32);
        if (merger->symbols[at] >= 0 && rank_at(merger, at, symbols) == rank)
            merge_at(merger, at, rank, symbols);
    }
    size_t written = 0;
    for (size_t at = 0; at < symbols; at += token_length(merger->symbols[at])) {
        if (written < capacity)
            tokens[written] = merger->symbols[at];
        written++;
    }
    return (ptrdiff_t)written;
}
