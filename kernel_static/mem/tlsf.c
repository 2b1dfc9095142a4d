/* Blocks are split, merged and filed by size; tlsf.h draws them. */
#include "tlsf.h"

#define FREE ((size_t)1)
#define SIZE_SMALL ((size_t)TLSF_ALIGNMENT << TLSF_SECOND_BITS)
#define SIZE_MAXIMUM ((sizeof(size_t) == 4 ? SIZE_MAX : (size_t)(UINT64_C(1) << 39)) / 2)

struct class {
    unsigned first, second;
};

static unsigned highest_bit(size_t value) { return 63 - (unsigned)__builtin_clzll(value); }

static size_t round_up(size_t size, size_t alignment) {
    return (size + alignment - 1) & ~(alignment - 1);
}

static size_t block_size(const struct tlsf_block *block) { return block->size & ~FREE; }

static bool is_free(const struct tlsf_block *block) { return block->size & FREE; }

static uint8_t *payload_of(struct tlsf_block *block) { return (uint8_t *)block + TLSF_OVERHEAD; }

static struct tlsf_block *block_of(const void *payload) {
    return (struct tlsf_block *)((uintptr_t)payload - TLSF_OVERHEAD);
}

static struct tlsf_block *next_of(const struct tlsf_block *block) {
    return (struct tlsf_block *)((uintptr_t)block + TLSF_OVERHEAD + block_size(block));
}

/* The class in which a free block of this size is filed. */
static struct class class_of(size_t size) {
    if (size < SIZE_SMALL)
        return (struct class){0, (unsigned)(size / TLSF_ALIGNMENT)};
    unsigned bit = highest_bit(size);
    return (struct class){
        bit - (highest_bit(SIZE_SMALL) - 1),
        (unsigned)(size >> (bit - TLSF_SECOND_BITS)) & (TLSF_SECOND_COUNT - 1),
    };
}

static void
insert(struct tlsf *pool, struct tlsf_block *block) {
    struct class class = class_of(block_size(block));
    struct tlsf_block **head = &pool->lists[class.first][class.second];
    block->size |= FREE;
    block->previous_free = NULL;
    block->next_free = *head;
    if (*head)
        (*head)->previous_free = block;
    *head = block;
    pool->first_bits |= 1u << class.first;
    pool->second_bits[class.first] |= 1u << class.second;
}

static void remove(struct tlsf *pool, struct tlsf_block *block) {
    struct class class = class_of(block_size(block));
    if (block->next_free)
        block->next_free->previous_free = block->previous_free;
    if (block->previous_free) {
        block->previous_free->next_free = block->next_free;
    } else {
        pool->lists[class.first][class.second] = block->next_free;
        if (!block->next_free)
            pool->second_bits[class.first] &= ~(1u << class.second);
        if (!pool->second_bits[class.first])
            pool->first_bits &= ~(1u << class.first);
    }
    block->size &= ~FREE;
}

/* Some free block of at least size bytes, still in its list; null if no class can promise one. */
static struct tlsf_block *find(struct tlsf *pool, size_t size) {
    if (size >= SIZE_SMALL)
        size += ((size_t)1 << (highest_bit(size) - TLSF_SECOND_BITS)) - 1;
    struct class class = class_of(size);
    uint32_t seconds = pool->second_bits[class.first] & (~0u << class.second);
    if (!seconds) {
        uint32_t firsts = pool->first_bits & (~0u << class.first << 1);
        if (!firsts)
            return NULL;
        class.first = (unsigned)__builtin_ctz(firsts);
        seconds = pool->second_bits[class.first];
    }
    return pool->lists[class.first][__builtin_ctz(seconds)];
}

/* Cuts a used block after size bytes of payload; the rest becomes a used block of its own, which
 * is returned, or null when it would be too small to live. */
static struct tlsf_block *split(struct tlsf_block *block, size_t size) {
    if (block->size < size + TLSF_OVERHEAD + TLSF_ALIGNMENT)
        return NULL;
    struct tlsf_block *rest = (struct tlsf_block *)(payload_of(block) + size);
    rest->previous = block;
    rest->size = block->size - size - TLSF_OVERHEAD;
    block->size = size;
    next_of(rest)->previous = rest;
    return rest;
}

/* Files a used block as free, merged with its free neighbours. */
static void free_merged(struct tlsf *pool, struct tlsf_block *block) {
    struct tlsf_block *next = next_of(block);
    block->size |= FREE; /* a merged header stays marked, so that a second release is noticed */
    if (is_free(next)) {
        remove(pool, next);
        block->size += TLSF_OVERHEAD + next->size;
        next->size |= FREE;
    }
    struct tlsf_block *previous = block->previous;
    if (previous && is_free(previous)) {
        remove(pool, previous);
        previous->size += TLSF_OVERHEAD + block_size(block);
        block = previous;
    }
    next_of(block)->previous = block;
    insert(pool, block);
}

size_t tlsf_start(struct tlsf *pool, void *start, size_t size) {
    *pool = (struct tlsf){.start = start, .end = (uint8_t *)start + size};
    uintptr_t first = round_up((uintptr_t)start, TLSF_ALIGNMENT);
    uintptr_t last = ((uintptr_t)pool->end & ~(uintptr_t)(TLSF_ALIGNMENT - 1)) - TLSF_OVERHEAD;
    struct tlsf_block *block = (struct tlsf_block *)first;
    block->previous = NULL;
    block->size = last - first - TLSF_OVERHEAD;
    if (block->size > SIZE_MAXIMUM)
        block->size = SIZE_MAXIMUM & ~(size_t)(TLSF_ALIGNMENT - 1);
    struct tlsf_block *sentinel = next_of(block);
    sentinel->previous = block;
    sentinel->size = 0; /* used for ever: merging stops here */
    size_t available = TLSF_OVERHEAD + block->size;
    insert(pool, block);
    return available;
}

void *tlsf_allocate(struct tlsf *pool, size_t size, size_t alignment) {
    if (size > SIZE_MAXIMUM || alignment > SIZE_MAXIMUM)
        return NULL;
    size = size ? round_up(size, TLSF_ALIGNMENT) : TLSF_ALIGNMENT;
    /* In front of an aligned payload there must be room for a free block, or nothing. */
    size_t slack = alignment > TLSF_ALIGNMENT ? alignment + TLSF_OVERHEAD + TLSF_ALIGNMENT : 0;
    if (slack > SIZE_MAXIMUM - size)
        return NULL;
    struct tlsf_block *block = find(pool, size + slack);
    if (!block)
        return NULL;
    remove(pool, block);
    uintptr_t payload = (uintptr_t)payload_of(block);
    uintptr_t aligned = round_up(payload, alignment);
    if (aligned != payload) {
        aligned = round_up(payload + TLSF_OVERHEAD + TLSF_ALIGNMENT, alignment);
        struct tlsf_block *front = block;
        block = split(front, aligned - payload - TLSF_OVERHEAD);
        insert(pool, front);
    }
    struct tlsf_block *rest = split(block, size);
    if (rest)
        free_merged(pool, rest);
    return payload_of(block);
}

bool tlsf_resize(struct tlsf *pool, void *payload, size_t size) {
    if (size > SIZE_MAXIMUM)
        return false;
    size = size ? round_up(size, TLSF_ALIGNMENT) : TLSF_ALIGNMENT;
    struct tlsf_block *block = block_of(payload), *next = next_of(block);
    if (size > block->size) {
        if (!is_free(next) || size > block->size + TLSF_OVERHEAD + block_size(next))
            return false;
        remove(pool, next);
        block->size += TLSF_OVERHEAD + next->size;
        next_of(block)->previous = block;
    }
    struct tlsf_block *rest = split(block, size);
    if (rest)
        free_merged(pool, rest);
    return true;
}

void tlsf_release(struct tlsf *pool, void *payload) { free_merged(pool, block_of(payload)); }

bool tlsf_is_used(const struct tlsf *pool, const void *payload) {
    const uint8_t *bytes = payload;
    if ((uintptr_t)bytes % TLSF_ALIGNMENT || bytes < pool->start + TLSF_OVERHEAD ||
        bytes >= pool->end)
        return false;
    const struct tlsf_block *block = block_of(payload);
    if (is_free(block) || !block->size || block->size % TLSF_ALIGNMENT ||
        block->size > (size_t)(pool->end - bytes) - TLSF_OVERHEAD)
        return false;
    return next_of(block)->previous == block &&
           (!block->previous || next_of(block->previous) == block);
}

size_t tlsf_size(const void *payload) { return block_size(block_of(payload)); }

size_t tlsf_largest(const struct tlsf *pool) {
    size_t largest = 0;
    if (!pool->first_bits)
        return 0;
    unsigned first = highest_bit(pool->first_bits);
    unsigned second = highest_bit(pool->second_bits[first]);
    for (const struct tlsf_block *block = pool->lists[first][second]; block;
         block = block->next_free)
        if (block_size(block) > largest)
            largest = block_size(block);
    return largest;
}

bool tlsf_check(const struct tlsf *pool) {
    size_t free_blocks = 0, listed = 0;
    const struct tlsf_block *previous = NULL;
    const struct tlsf_block *block =
        (const struct tlsf_block *)round_up((uintptr_t)pool->start, TLSF_ALIGNMENT);
    for (; block->size; previous = block, block = next_of(block)) {
        if (block->previous != previous || (const uint8_t *)next_of(block) >= pool->end)
            return false;
        if (is_free(block) && previous && is_free(previous))
            return false;
        free_blocks += is_free(block);
    }
    for (unsigned first = 0; first < TLSF_FIRST_COUNT; first++) {
        if (!(pool->first_bits >> first & 1) != !pool->second_bits[first])
            return false;
        for (unsigned second = 0; second < TLSF_SECOND_COUNT; second++) {
            block = pool->lists[first][second];
            if (!(pool->second_bits[first] >> second & 1) != !block)
                return false;
            for (; block; block = block->next_free, listed++) {
                struct class class = class_of(block_size(block));
                if (!is_free(block) || class.first != first || class.second != second)
                    return false;
            }
        }
    }
    return listed == free_blocks;
}
