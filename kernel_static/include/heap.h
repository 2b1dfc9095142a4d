/* The heap: O(1) allocation and release with bounded fragmentation (TLSF, Masmano et al. 2004),
 * and page-granular reservations for what lives for ever. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

#define HEAP_ALIGNMENT 16

struct heap_statistics {
    size_t total, used, peak; /* bytes */
    uint64_t allocations, releases, failures;
};

/* Takes ownership of all free memory: the first heap_bytes become the heap, the rest is handed
 * out by memory_reserve. Called once, by main. */
void memory_start(struct memory_span free_memory, size_t heap_bytes);

/* Bytes that memory_reserve could still hand out, and one permanent page-aligned, zero-filled
 * reservation; null when it does not fit. */
size_t memory_available(void);
void *memory_reserve(size_t size);

/* Returns size bytes aligned to HEAP_ALIGNMENT, or null when there is no room. Size 0 gives a
 * unique pointer. Debug builds fill with junk on both calls and panic on a double release or on
 * bytes written past the end. */
void *heap_allocate(size_t size);
void *heap_allocate_aligned(size_t size, size_t alignment);
void *heap_resize(void *block, size_t size);
void heap_release(void *block); /* null is allowed */

struct heap_statistics heap_statistics(void);

/* The largest piece that is free. Looks at all pieces of about that size: for reports. */
size_t heap_largest(void);
