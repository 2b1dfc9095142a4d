/* Merging the neighbours of one piece in O(n log n): a queue of mergeable pairs, lowest rank first,
 * leftmost first among equals. What a pair becomes and how soon is a table's business: of pairs
 * (byte-level BPE), or of tokens by their text and score (SentencePiece).
 *
 * Symbols lie over the piece's bytes. A symbol of one byte is its token at its place. A longer
 * one has its token at its first byte, minus its length at its last byte, and negative values
 * between; so a value >= 0 marks a symbol's start, and both neighbours are found in one step:
 *
 *     bytes     t   h   e       c   a   t
 *     symbols   87  -2  68      34  512 -2        "th" "e" "c" "at", as an example
 *
 * A character that is no token has vocabulary + its length in place of a token.
 *
 * Queue entries are not withdrawn when a neighbour's merge makes them stale; they are recognised
 * when they surface, because the pair at their place no longer has their rank. */
#include <stdbool.h>

#include "coroutine.h"
#include "heap.h"
#include "tokenizer_tables.h"
#include "utf8.h"

#define SYMBOL_INTERIOR INT32_MIN
#define PIECE_SMALLEST 256 /* memory is not taken in smaller steps than for so many bytes */

/* What two neighbours make, and its rank: TOKENIZER_NO_MERGE if they make nothing. */
struct join {
    uint32_t rank;
    int32_t result;
};

static const struct join no_join = {TOKENIZER_NO_MERGE, -1};

static size_t symbol_length(int32_t symbol) {
    uint32_t vocabulary = tokenizer_tables.header->vocabulary;
    if ((uint32_t)symbol >= vocabulary)
        return (uint32_t)symbol - vocabulary;
    return tokenizer_tables.offsets[symbol + 1] - tokenizer_tables.offsets[symbol];
}

static struct join join_pair(int32_t left, int32_t right) {
    uint32_t slots = tokenizer_tables.header->slots.count;
    for (uint32_t slot = tokenizer_slot(left, right, slots);; slot = (slot + 1) & (slots - 1)) {
        uint32_t rank = tokenizer_tables.slots[slot];
        if (rank == TOKENIZER_NO_MERGE)
            return no_join;
        const struct tokenizer_merge *merge = &tokenizer_tables.merges[rank];
        if (merge->left == left && merge->right == right)
            return (struct join){rank, merge->result};
    }
}

static struct join join_text(const char *bytes, size_t count) {
    if (count > tokenizer_tables.header->longest)
        return no_join;
    int32_t token = tokenizer_find(bytes, count);
    return token < 0 ? no_join : (struct join){tokenizer_tables.ranks[token], token};
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

/* The symbol at `at` with the one behind it. */
static struct join join_at(const struct tokenizer_merger *merger, size_t at, size_t count) {
    size_t behind = at + symbol_length(merger->symbols[at]);
    if (behind >= count)
        return no_join;
    if (tokenizer_tables.header->rules & TOKENIZER_BY_SCORE)
        return join_text(merger->piece + at, behind - at + symbol_length(merger->symbols[behind]));
    return join_pair(merger->symbols[at], merger->symbols[behind]);
}

/* Queues every pair that can merge now; whatever was queued is dropped. */
static void queue_all(struct tokenizer_merger *merger, size_t count) {
    merger->queued = 0;
    for (size_t at = 0; at < count; at += symbol_length(merger->symbols[at])) {
        coroutine_give_way();
        uint32_t rank = join_at(merger, at, count).rank;
        if (rank != TOKENIZER_NO_MERGE)
            queue_push(merger, (uint64_t)rank << 32 | at);
    }
}

/* Queues the pair that begins at `at`. At least a fifth of a full queue is stale or was freed by
 * merges, so sweeping costs O(log n) passes over the piece in all. */
static void consider(struct tokenizer_merger *merger, size_t at, size_t count) {
    uint32_t rank = join_at(merger, at, count).rank;
    if (rank == TOKENIZER_NO_MERGE)
        return;
    if (merger->queued == queue_limit(merger->bytes))
        queue_all(merger, count);
    else
        queue_push(merger, (uint64_t)rank << 32 | at);
}

/* Writes a symbol of `length` bytes at `at`. */
static void place(int32_t *symbols, size_t at, size_t length, int32_t symbol) {
    for (size_t i = 1; i + 1 < length; i++)
        symbols[at + i] = SYMBOL_INTERIOR;
    symbols[at + length - 1] = -(int32_t)length;
    symbols[at] = symbol;
}

/* Makes one symbol of the two that begin at `at`. */
static void merge_at(struct tokenizer_merger *merger, size_t at, int32_t result, size_t count) {
    int32_t *symbols = merger->symbols;
    size_t right = at + symbol_length(symbols[at]);
    size_t end = right + symbol_length(symbols[right]);
    symbols[right] = SYMBOL_INTERIOR;
    symbols[at] = result;
    symbols[end - 1] = -(int32_t)(end - at);
    if (at)
        consider(merger, symbols[at - 1] >= 0 ? at - 1 : at - (size_t)-symbols[at - 1], count);
    consider(merger, at, count);
}

/* One symbol a byte; bytes outside the vocabulary vanish before merging. Returns what is left. */
static size_t start_with_bytes(struct tokenizer_merger *merger, size_t count) {
    size_t symbols = 0;
    for (size_t i = 0; i < count; i++) {
        int32_t token = tokenizer_tables.byte_tokens[(unsigned char)merger->piece[i]];
        if (token >= 0)
            merger->symbols[symbols++] = token;
    }
    return symbols;
}

/* One symbol a character of valid UTF-8. */
static void start_with_characters(struct tokenizer_merger *merger, size_t count) {
    size_t length;
    for (size_t at = 0; at < count; at += length) {
        length = utf8_character(merger->piece + at, count - at);
        int32_t token = tokenizer_find(merger->piece + at, length);
        if (token < 0 || tokenizer_tables.kinds[token] != TOKENIZER_ORDINARY)
            token = (int32_t)(tokenizer_tables.header->vocabulary + length);
        place(merger->symbols, at, length, token);
    }
}

/* The tokens of one symbol, up to `room` of them; returns how many they are. */
static size_t write_symbol(const char *bytes, int32_t symbol, int32_t *tokens, size_t room) {
    uint32_t vocabulary = tokenizer_tables.header->vocabulary;
    if ((uint32_t)symbol < vocabulary) {
        if (room)
            tokens[0] = symbol;
        return 1;
    }
    size_t length = (uint32_t)symbol - vocabulary;
    for (size_t i = 0; i < length && i < room; i++)
        tokens[i] = tokenizer_tables.byte_tokens[(uint8_t)bytes[i]];
    return length;
}

ptrdiff_t tokenizer_merge_piece(struct tokenizer_merger *merger, const char *bytes, size_t count,
                                int32_t *tokens, size_t capacity) {
    if (!make_room(merger, count))
        return -1;
    merger->piece = bytes;
    if (tokenizer_tables.header->rules & TOKENIZER_BY_SCORE)
        start_with_characters(merger, count);
    else
        count = start_with_bytes(merger, count);
    queue_all(merger, count);
    while (merger->queued) {
        coroutine_give_way();
        uint64_t entry = queue_pop(merger);
        size_t at = (uint32_t)entry;
        if (merger->symbols[at] < 0)
            continue;
        struct join join = join_at(merger, at, count);
        if (join.rank == (uint32_t)(entry >> 32))
            merge_at(merger, at, join.result, count);
    }
    size_t written = 0;
    for (size_t at = 0; at < count; at += symbol_length(merger->symbols[at])) {
        coroutine_give_way();
        size_t room = written < capacity ? capacity - written : 0;
        written +=
            write_symbol(bytes + at, merger->symbols[at], tokens + (room ? written : 0), room);
    }
    return (ptrdiff_t)written;
}
