/* From token bytes to text that a client may see: whole UTF-8 characters, stop strings cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "text.h"

struct text_stream {
    const struct text *stops; /* owned by the caller, outlives the stream */
    size_t stop_count;
    struct buffer pending; /* bytes not yet shown */
    bool stopped;          /* a stop string was seen; nothing more will be shown */
    size_t stop;           /* which */
    bool failed;           /* memory ran out, and text is lost */
};

void text_stream_start(struct text_stream *stream, const struct text *stops, size_t stop_count);

/* Adds one token's bytes. `ready` receives what may be shown now (UTF-8, malformed sequences
 * replaced by U+FFFD). False when a stop string is complete: the text ends before it. */
bool text_stream_push(struct text_stream *stream, struct text bytes, struct buffer *ready);

/* The rest, when generation ends for another reason. */
void text_stream_flush(struct text_stream *stream, struct buffer *ready);

void text_stream_release(struct text_stream *stream);
