/* What a hosted test library needs of the platform: log and panic on stderr, memory for the heap.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "heap.h"
#include "log.h"
#include "panic.h"

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%d %s: ", (int)level, subsystem);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    abort();
}

void test_start_heap(size_t size) {
    void *memory = aligned_alloc(4096, size);
    for (size_t i = 0; i < size; i++)
        ((char *)memory)[i] = 0;
    memory_start((struct memory_span){memory, size}, size / 2);
}
