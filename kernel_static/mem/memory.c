/* Free memory: the heap at its start, then what is reserved for ever, page by page. */
#include "memory.h"

#include "heap.h"
#include "panic.h"

#define PAGE ((size_t)4096)

static uint8_t *next, *end; /* what memory_reserve has not handed out; next is page-aligned */

void memory_start(struct memory_span free_memory, size_t heap_bytes) {
    next = free_memory.start;
    end = next + (free_memory.size & ~(PAGE - 1));
    heap_bytes = (heap_bytes + PAGE - 1) & ~(PAGE - 1);
    if (heap_bytes > (size_t)(end - next))
        panic("memory: %zu KiB are free but the heap alone needs %zu KiB; give the machine more",
              free_memory.size / 1024, heap_bytes / 1024);
    heap_start(next, heap_bytes);
    next += heap_bytes;
}

size_t memory_available(void) { return (size_t)(end - next); }

void *memory_reserve(size_t size) {
    if (size > memory_available())
        return NULL;
    void *reserved = next;
    next += (size + PAGE - 1) & ~(PAGE - 1);
    return reserved;
}
