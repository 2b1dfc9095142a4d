/* Two-level segregated fit (Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic memory allocator
 * for real-time systems", ECRTS 2004) over one run of memory. Every operation is O(1).
 *
 *     header (16)         payload, a multiple of 16            next header ...
 *     +------------------+------------------------------------+------------------+
 *     | previous | size|F| free: list links; used: the caller's| previous | size|F|
 *     +------------------+------------------------------------+------------------+
 *
 * F is the free bit. Neighbours that are free are merged at once, so no two free blocks touch.
 * Class (first, second) of a free block: first is the power of two below its size, second
 * divides that range in 16 equal steps; a search takes the first class whose every block fits, so
 * at most 1/16 of a block is lost to rounding. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLSF_ALIGNMENT 16
#define TLSF_SECOND_BITS 4
#define TLSF_SECOND_COUNT (1u << TLSF_SECOND_BITS)
#define TLSF_FIRST_COUNT 32 /* class 0: below 256 bytes; class 31: from 2^38 to 2^39 */
#define TLSF_OVERHEAD 16    /* bytes of header before each payload */

struct tlsf_block {
    struct tlsf_block *previous; /* the block physically before; null for the first */
    size_t size;                 /* of the payload; bit 0: free */
#if UINTPTR_MAX == UINT32_MAX
    size_t padding[2];
#endif
    struct tlsf_block *next_free, *previous_free; /* only while free */
};

struct tlsf {
    uint32_t first_bits;                    /* bit f: some second_bits[f] is not zero */
    uint32_t second_bits[TLSF_FIRST_COUNT]; /* bit s: lists[f][s] is not empty */
    struct tlsf_block *lists[TLSF_FIRST_COUNT][TLSF_SECOND_COUNT];
    uint8_t *start, *end; /* of the memory that was given */
};

/* Takes [start, start + size); at least 64 bytes, any alignment. Returns the bytes it can hand
 * out, headers included. */
size_t tlsf_start(struct tlsf *pool, void *start, size_t size);

/* A payload of at least size bytes at a multiple of alignment (a power of two, at least 16), or
 * null. */
void *tlsf_allocate(struct tlsf *pool, size_t size, size_t alignment);

/* Makes the payload at least size bytes without moving it; false if its neighbours are in use. */
bool tlsf_resize(struct tlsf *pool, void *payload, size_t size);

void tlsf_release(struct tlsf *pool, void *payload);

/* True if payload could be one that tlsf_allocate returned and nobody released: inside the pool,
 * aligned, its header marked used and consistent with its neighbours. */
bool tlsf_is_used(const struct tlsf *pool, const void *payload);

/* Size of a payload in use: at least what was asked. */
size_t tlsf_size(const void *payload);

/* Payload of the largest free block; walks the list of its class. */
size_t tlsf_largest(const struct tlsf *pool);

/* Walks every block and list; false if anything contradicts the layout above. For tests. */
bool tlsf_check(const struct tlsf *pool);
