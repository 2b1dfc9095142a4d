/* Held back: bytes that may be the start of a stop string, and an unfinished UTF-8 character. */
#include "text_stream.h"

#include <stdint.h>
#include <string.h>

#define PENDING_LIMIT (1 << 20)

void text_stream_start(struct text_stream *stream, const struct text *stops, size_t stop_count) {
    *stream = (struct text_stream){.stops = stops, .stop_count = stop_count};
    buffer_start(&stream->pending, PENDING_LIMIT);
}

void text_stream_release(struct text_stream *stream) { buffer_release(&stream->pending); }

/* The length of the well-formed UTF-8 sequence at bytes (RFC 3629 section 4); 0 if the bytes are
 * malformed, -1 if they are the proper beginning of a character. */
static int character_length(const uint8_t *bytes, size_t count) {
    uint8_t lead = bytes[0], low = 0x80, high = 0xbf;
    int length = lead < 0x80   ? 1
                 : lead < 0xc2 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;

    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    for (int i = 1; i < length; i++) {
        if ((size_t)i == count)
            return -1;
        if (bytes[i] < low || bytes[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* Moves `count` pending bytes to ready, replacing malformed ones; stops early at an unfinished
 * character unless `final`, which replaces it. */
static void release_text(struct text_stream *stream, size_t count, bool final,
                         struct buffer *ready) {
    const uint8_t *bytes = (const uint8_t *)stream->pending.bytes;
    size_t at = 0;

    while (at < count) {
        int length = character_length(bytes + at, count - at);
        if (length < 0 && !final)
            break;
        if (length > 0) {
            buffer_append(ready, bytes + at, (size_t)length);
            at += (size_t)length;
        } else { /* one replacement for a malformed byte or for the whole unfinished tail */
            buffer_append(ready, "\xef\xbf\xbd", 3);
            at = length < 0 ? count : at + 1;
        }
    }
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

/* Where the earliest complete stop begins in the pending text; its size if there is none. */
static size_t find_stop(const struct text_stream *stream) {
    size_t earliest = stream->pending.count;
    for (size_t s = 0; s < stream->stop_count; s++) {
        struct text stop = stream->stops[s];
        for (size_t at = 0; at + stop.count <= stream->pending.count && at < earliest; at++)
            if (!memcmp(stream->pending.bytes + at, stop.bytes, stop.count))
                earliest = at;
    }
    return earliest;
}

bool text_stream_push(struct text_stream *stream, struct text bytes, struct buffer *ready) {
    if (stream->stopped)
        return false;
    if (bytes.count)
        buffer_append(&stream->pending, bytes.bytes, bytes.count);
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
