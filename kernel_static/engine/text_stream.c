/* Held back: bytes that may be the start of a stop string, and an unfinished UTF-8 character. */
#include "text_stream.h"

#include <string.h>

#include "utf8.h"

#define PENDING_LIMIT (1 << 20)

void text_stream_start(struct text_stream *stream, const struct text *stops, size_t stop_count) {
    *stream = (struct text_stream){.stops = stops, .stop_count = stop_count};
    buffer_start(&stream->pending, PENDING_LIMIT);
}

void text_stream_release(struct text_stream *stream) { buffer_release(&stream->pending); }

/* Moves `count` pending bytes to ready, replacing malformed ones; stops early at an unfinished
 * character unless `final`, which replaces it. */
static void release_text(struct text_stream *stream, size_t count, bool final,
                         struct buffer *ready) {
    const char *bytes = stream->pending.bytes;
    size_t at = 0;

    while (at < count) {
        size_t size = utf8_character(bytes + at, count - at);
        bool unfinished = utf8_incomplete(bytes + at, count - at);
        if (unfinished && !final)
            break;
        if (size == 0) { /* one replacement for a malformed byte or for the whole unfinished tail */
            buffer_append(ready, "\xef\xbf\xbd", 3);
            size = unfinished ? count - at : 1;
        } else {
            buffer_append(ready, bytes + at, size);
        }
        at += size;
    }
    stream->failed |= ready->failed;
    if (at == 0)
        return;
    stream->pending.count -= at;
    memmove(stream->pending.bytes, stream->pending.bytes + at, stream->pending.count);
}

/* The number of bytes at the end of the pending text that begin, but do not complete, a stop. */
static size_t partial_stop(const struct text_stream *stream) {
    size_t longest = 0;
    for (size_t s = 0; s < stream->stop_count; s++) {
        struct text stop = stream->stops[s];
        size_t most =
            stop.count - 1 < stream->pending.count ? stop.count - 1 : stream->pending.count;
        for (size_t n = most; n > longest; n--)
            if (!memcmp(stream->pending.bytes + stream->pending.count - n, stop.bytes, n))
                longest = n;
    }
    return longest;
}

/* Where the earliest complete stop begins in the pending text, and which it is; the text's size if
 * there is none. */
static size_t find_stop(struct text_stream *stream) {
    size_t earliest = stream->pending.count;
    for (size_t s = 0; s < stream->stop_count; s++) {
        struct text stop = stream->stops[s];
        for (size_t at = 0; at + stop.count <= stream->pending.count && at < earliest; at++)
            if (!memcmp(stream->pending.bytes + at, stop.bytes, stop.count)) {
                earliest = at;
                stream->stop = s;
            }
    }
    return earliest;
}

bool text_stream_push(struct text_stream *stream, struct text bytes, struct buffer *ready) {
    if (stream->stopped)
        return false;
    if (bytes.count)
        buffer_append(&stream->pending, bytes.bytes, bytes.count);
    stream->failed |= stream->pending.failed;
    size_t stop = find_stop(stream);
    if (stop < stream->pending.count) {
        release_text(stream, stop, true, ready);
        buffer_clear(&stream->pending);
        stream->stopped = true;
        return false;
    }
    release_text(stream, stream->pending.count - partial_stop(stream), false, ready);
    return true;
}

void text_stream_flush(struct text_stream *stream, struct buffer *ready) {
    if (!stream->stopped)
        release_text(stream, stream->pending.count, true, ready);
}
