/* Inside mem/: what memory_start gives to the heap, and the heap's own check, for tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void heap_start(void *start, size_t size);

/* True if every block and list of the heap is consistent; takes time in the number of blocks. */
bool heap_check(void);
