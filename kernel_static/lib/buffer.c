/* Capacity doubles, up to the limit; a zero byte fits behind what is appended. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "heap.h"

#define CAPACITY_SMALLEST 256

void buffer_start(struct buffer *buffer, size_t limit) {
    *buffer = (struct buffer){.limit = limit};
}

/* Makes room for more bytes and a terminating zero behind them. */
static bool make_room(struct buffer *buffer, size_t more) {
    if (buffer->failed || more > buffer->limit - buffer->count) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->count + more + 1;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? 2 * buffer->capacity : CAPACITY_SMALLEST;
    if (capacity > buffer->limit)
        capacity = buffer->limit + 1;
    if (capacity < needed)
        capacity = needed;
    size_t grown = capacity - buffer->capacity;
    bool allowed = budget_take(buffer->budget, grown);
    char *bytes = allowed ? heap_resize(buffer->bytes, capacity) : NULL;
    if (!bytes) {
        if (allowed)
            budget_give(buffer->budget, grown);
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t count) {
    if (count && make_room(buffer, count)) {
        memcpy(buffer->bytes + buffer->count, bytes, count);
        buffer->count += count;
    }
}

void buffer_format(struct buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t room = buffer->capacity - buffer->count;
    int count = vsnprintf(room ? buffer->bytes + buffer->count : NULL, room, format, arguments);
    if (count > 0 && make_room(buffer, (size_t)count)) {
        if ((size_t)count >= room)
            vsnprintf(buffer->bytes + buffer->count, (size_t)count + 1, format, again);
        buffer->count += (size_t)count;
    }
    va_end(again);
    va_end(arguments);
}

void buffer_clear(struct buffer *buffer) {
    buffer->count = 0;
    buffer->failed = false;
}

void buffer_release(struct buffer *buffer) {
    heap_release(buffer->bytes);
    budget_give(buffer->budget, buffer->capacity);
    *buffer = (struct buffer){.limit = buffer->limit, .budget = buffer->budget};
}
