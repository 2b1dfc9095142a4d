/* The heap over one TLSF pool. Debug builds lay a guard behind what was asked for:
 *
 *     | asked bytes | guard bytes 0xfd ... | asked size, masked |   (to the end of the block)
 */
#include "heap.h"

#include <stdbool.h>
#include <string.h>

#include "panic.h"
#include "memory.h"
#include "tlsf.h"

#ifdef DEBUG
enum { DEBUGGING = 1 };
#else
enum { DEBUGGING = 0 };
#endif

#define JUNK_ALLOCATED 0xa5 /* odd, so that junk taken for a header reads as "free" */
#define JUNK_RELEASED 0xdd
#define JUNK_GUARD 0xfd
#define TRAILER_MASK ((size_t)UINT64_C(0x9e3779b97f4a7c15))
#define TRAILER_SIZE (DEBUGGING ? 8 + sizeof(size_t) : 0) /* at least 8 guard bytes */

static struct tlsf pool;
static struct heap_statistics statistics;

void heap_start(void *start, size_t size) {
    statistics = (struct heap_statistics){.total = tlsf_start(&pool, start, size)};
}

static void count_used(ptrdiff_t change) {
    statistics.used += (size_t)change;
    if (statistics.used > statistics.peak)
        statistics.peak = statistics.used;
}

static uint8_t *trailer_of(void *block) {
    return (uint8_t *)block + tlsf_size(block) - sizeof(size_t);
}

static void guard(void *block, size_t asked) {
    uint8_t *trailer = trailer_of(block);
    size_t masked = asked ^ TRAILER_MASK;
    memset((uint8_t *)block + asked, JUNK_GUARD, (size_t)(trailer - (uint8_t *)block) - asked);
    memcpy(trailer, &masked, sizeof masked);
}

/* Panics unless the guard is whole; returns the size that was asked for. */
static size_t check_guard(void *block) {
    size_t asked, most = tlsf_size(block) - sizeof(size_t);
    memcpy(&asked, trailer_of(block), sizeof asked);
    asked ^= TRAILER_MASK;
    if (asked > most)
        panic("heap: block %p was written past its end", block);
    for (size_t i = asked; i < most; i++)
        if (((uint8_t *)block)[i] != JUNK_GUARD)
            panic("heap: block %p of %zu bytes was written past its end, at byte %zu", block, asked,
                  i);
    return asked;
}

void *heap_allocate(size_t size) { return heap_allocate_aligned(size, HEAP_ALIGNMENT); }

void *heap_allocate_aligned(size_t size, size_t alignment) {
    kernel_assert(alignment && !(alignment & (alignment - 1)));
    if (alignment < HEAP_ALIGNMENT)
        alignment = HEAP_ALIGNMENT;
    void *block = NULL;
    if (size <= SIZE_MAX - TRAILER_SIZE)
        block = tlsf_allocate(&pool, size + TRAILER_SIZE, alignment);
    if (!block) {
        statistics.failures++;
        return NULL;
    }
    statistics.allocations++;
    count_used((ptrdiff_t)(TLSF_OVERHEAD + tlsf_size(block)));
    if (DEBUGGING) {
        memset(block, JUNK_ALLOCATED, size);
        guard(block, size);
    }
    return block;
}

static void check_used(void *block, const char *verb) {
    if (!tlsf_is_used(&pool, block))
        panic("heap: %s of %p, which is not in use (released twice?)", verb, block);
}

void *heap_resize(void *block, size_t size) {
    if (!block)
        return heap_allocate(size);
    check_used(block, "resize");
    size_t before = tlsf_size(block);
    size_t asked = DEBUGGING ? check_guard(block) : before;
    if (size <= SIZE_MAX - TRAILER_SIZE && tlsf_resize(&pool, block, size + TRAILER_SIZE)) {
        count_used((ptrdiff_t)tlsf_size(block) - (ptrdiff_t)before);
        if (DEBUGGING) {
            if (size > asked)
                memset((uint8_t *)block + asked, JUNK_ALLOCATED, size - asked);
            guard(block, size);
        }
        return block;
    }
    void *moved = heap_allocate(size);
    if (!moved)
        return NULL; /* the old block stays as it was */
    memcpy(moved, block, asked < size ? asked : size);
    heap_release(block);
    return moved;
}

void heap_release(void *block) {
    if (!block)
        return;
    check_used(block, "release");
    if (DEBUGGING) {
        check_guard(block);
        memset(block, JUNK_RELEASED, tlsf_size(block));
    }
    statistics.releases++;
    count_used(-(ptrdiff_t)(TLSF_OVERHEAD + tlsf_size(block)));
    tlsf_release(&pool, block);
}

struct heap_statistics heap_statistics(void) { return statistics; }

size_t heap_largest(void) { return tlsf_largest(&pool); }

bool heap_check(void) { return tlsf_check(&pool); }
