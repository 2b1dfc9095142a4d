/* What the forward pass needs of the rest of the kernel, for a test's shared library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command_line.h"
#include "forward.h"
#include "heap.h"
#include "host.h"
#include "log.h"
#include "model_image.h"
#include "panic.h"
#include "platform.h"
#include "workers.h"

static jmp_buf refused; /* back to test_start */
static const char *isa_name;
static char logged[4096];

struct text command_line_value(const char *key) {
    if (strcmp(key, "isa") != 0 || isa_name == NULL)
        return (struct text){NULL, 0};
    return (struct text){isa_name, strlen(isa_name)};
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    size_t used = strlen(logged);
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)snprintf(logged + used, sizeof logged - used, "%d %s: ", (int)level, subsystem);
    if (used < sizeof logged)
        vsnprintf(logged + used, sizeof logged - used, format, arguments);
    va_end(arguments);
}

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    abort();
}

/* Junk instead of zeros, so that a value that is read before it is written shows. */
void *memory_reserve(size_t size) {
    void *block = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    memset(block, 0xa5, size);
    return block;
}

uint64_t clock_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

const char *test_log(void) { return logged; }

bool test_open(void *image, size_t size) {
    logged[0] = '\0';
    return model_image_open((struct memory_span){image, size});
}

size_t test_section(const char *name) { return model_image_section(name).size; }

_Noreturn void command_line_refuse(const char *key, const char *expected, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    log_write(LOG_ERROR, "command line", "%s=%s: expected %s", key, isa_name, text);
    longjmp(refused, 1);
}

bool test_start(void *image, size_t size, const char *isa, size_t workers) {
    static bool started;
    isa_name = isa;
    if (!started) {
        host_enable_vectors();
        workers_start(workers);
    }
    started = true;
    if (setjmp(refused))
        return false;
    return test_open(image, size) && forward_start();
}

void test_run(const struct forward_row *rows, size_t count) {
    forward_begin(rows, count);
    while (!forward_advance())
        continue;
}
