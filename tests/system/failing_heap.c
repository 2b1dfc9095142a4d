/* Stands between a hosted image and its heap (the linker's --wrap), so that a test can make one
 * allocation fail and see what is in use: by the page of memory that the file of CLLM_HEAP_PAGE
 * is, shared with the test. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap.h"

static struct page {
    volatile uint64_t fails; /* 1: the next allocation, n: the n-th from now, 0: none */
    volatile uint64_t used;  /* bytes of heap */
} *page;

void *__real_heap_allocate(size_t size);
void *__real_heap_allocate_aligned(size_t size, size_t alignment);
void *__real_heap_resize(void *block, size_t size);
void __real_heap_release(void *block);

void *__wrap_heap_allocate(size_t size);
void *__wrap_heap_allocate_aligned(size_t size, size_t alignment);
void *__wrap_heap_resize(void *block, size_t size);
void __wrap_heap_release(void *block);

__attribute__((constructor)) static void open_page(void) {
    int file = open(getenv("CLLM_HEAP_PAGE"), O_RDWR);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
}

static bool fails(void) { return page->fails && --page->fails == 0; }

static void *noted(void *block) {
    page->used = heap_statistics().used;
    return block;
}

void *__wrap_heap_allocate(size_t size) {
    return fails() ? NULL : noted(__real_heap_allocate(size));
}

void *__wrap_heap_allocate_aligned(size_t size, size_t alignment) {
    return fails() ? NULL : noted(__real_heap_allocate_aligned(size, alignment));
}

void *__wrap_heap_resize(void *block, size_t size) {
    return fails() ? NULL : noted(__real_heap_resize(block, size));
}

void __wrap_heap_release(void *block) {
    __real_heap_release(block);
    noted(NULL);
}
