/* The heap with a panic that comes back, so that tests can see what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "arena.h"
#include "buffer.h"
#include "heap.h"
#include "panic.h"

static jmp_buf caught;
static char reason[256];

void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    longjmp(caught, 1);
}

/* Each returns the panic's text, or "" if there was none. */
const char *try_release(void *block) {
    reason[0] = 0;
    if (!setjmp(caught))
        heap_release(block);
    return reason;
}

const char *try_resize(void *block, size_t size) {
    reason[0] = 0;
    if (!setjmp(caught))
        heap_resize(block, size);
    return reason;
}

const char *try_start(void *memory, size_t size, size_t heap) {
    reason[0] = 0;
    if (!setjmp(caught))
        memory_start((struct memory_span){memory, size}, heap);
    return reason;
}

/* Statistics one by one, for ctypes. */
size_t statistic_used(void) { return heap_statistics().used; }
size_t statistic_total(void) { return heap_statistics().total; }
size_t statistic_peak(void) { return heap_statistics().peak; }
uint64_t statistic_failures(void) { return heap_statistics().failures; }
uint64_t statistic_balance(void) {
    return heap_statistics().allocations - heap_statistics().releases;
}
