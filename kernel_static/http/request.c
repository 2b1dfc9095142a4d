/* RFC 9112: the message as lines and counted bytes. What lines mean is in request_line.c,
 * request_field.c and request_chunk.c. */
#include "request.h"

#include <string.h>

#include "appliance.h"
#include "metrics.h"

#define CHUNK_LINE_BYTES 256 /* a chunk's size and extensions */

void request_start(struct request_parser *parser, struct arena *arena) {
    request_release(parser);
    *parser = (struct request_parser){.arena = arena};
    buffer_start(&parser->line, LIMIT_REQUEST_LINE_BYTES + LIMIT_HEADER_BYTES);
    buffer_start(&parser->body, LIMIT_BODY_BYTES);
    parser->line.budget = parser->body.budget = arena->budget;
}

void request_release(struct request_parser *parser) {
    buffer_release(&parser->line);
    buffer_release(&parser->body);
}

void request_refuse(struct request_parser *parser, unsigned status, const char *message) {
    parser->progress = REQUEST_REFUSED;
    parser->status = status;
    parser->message = message;
}

void request_refuse_large(struct request_parser *parser) {
    metric_count(METRIC_LIMIT_REFUSALS_BODY_BYTES);
    request_refuse(parser, 413, "The request body is too large.");
}

void request_take_body(struct request_parser *parser, bool keep) {
    parser->keep_body = keep;
    parser->head_bytes = parser->fields = 0; /* trailers are counted anew */
    parser->remaining = parser->request.length;
    parser->state = parser->request.chunked ? STATE_CHUNK_SIZE : STATE_SIZED_BODY;
    bool empty = !parser->request.chunked && !parser->remaining;
    parser->progress = empty ? REQUEST_COMPLETE : REQUEST_NEEDS_MORE;
}

/* ---- lines ---- */

/* Bytes that the line being read may have, its end included. */
static size_t line_limit(const struct request_parser *parser) {
    switch (parser->state) {
    case STATE_REQUEST_LINE:
        return LIMIT_REQUEST_LINE_BYTES;
    case STATE_FIELDS:
    case STATE_TRAILERS:
        return LIMIT_HEADER_BYTES - parser->head_bytes;
    case STATE_CHUNK_END:
        return 2;
    default:
        return CHUNK_LINE_BYTES;
    }
}

static void refuse_long_line(struct request_parser *parser) {
    switch (parser->state) {
    case STATE_REQUEST_LINE:
        metric_count(METRIC_LIMIT_REFUSALS_REQUEST_LINE_BYTES);
        request_refuse(parser, 414, "The request target is too long.");
        break;
    case STATE_FIELDS:
    case STATE_TRAILERS:
        metric_count(METRIC_LIMIT_REFUSALS_HEADER_BYTES);
        request_refuse(parser, 431, "The header fields are too long.");
        break;
    case STATE_CHUNK_END:
        request_refuse(parser, 400, "A chunk is longer than its size says.");
        break;
    default:
        request_refuse(parser, 400, "A chunk's extensions are too long.");
    }
}

/* What a whole line does. */
static void read_line(struct request_parser *parser, struct text line) {
    switch (parser->state) {
    case STATE_REQUEST_LINE:
        if (line.count) /* empty lines before a request are skipped (section 2.2) */
            request_read_line(parser, line);
        break;
    case STATE_FIELDS:
        parser->head_bytes += line.count + 2;
        if (line.count)
            request_read_field(parser, line);
        else
            request_end_fields(parser);
        break;
    case STATE_CHUNK_SIZE:
        request_read_chunk_size(parser, line);
        break;
    case STATE_CHUNK_END:
        if (line.count)
            refuse_long_line(parser);
        parser->state = STATE_CHUNK_SIZE;
        break;
    default:
        parser->head_bytes += line.count + 2;
        if (line.count)
            request_read_trailer(parser, line);
        else
            parser->progress = REQUEST_COMPLETE;
    }
}

/* Takes bytes up to the end of a line; what has no end yet is kept. */
static size_t feed_line(struct request_parser *parser, const uint8_t *bytes, size_t count) {
    const uint8_t *newline = memchr(bytes, '\n', count);
    size_t taken = newline ? (size_t)(newline - bytes) + 1 : count;
    struct text line = {(const char *)bytes, taken};
    if (parser->line.count + taken > line_limit(parser)) {
        refuse_long_line(parser);
        return taken;
    }
    if (!newline || parser->line.count) {
        buffer_append(&parser->line, bytes, taken);
        if (parser->line.failed) {
            request_refuse(parser, 503, "The server is out of memory.");
            return taken;
        }
        line = (struct text){parser->line.bytes, parser->line.count};
    }
    if (newline) {
        if (line.count < 2 || memchr(line.bytes, '\r', line.count) != &line.bytes[line.count - 2])
            request_refuse(parser, 400, "Every line must end in CRLF, and CR stand nowhere else.");
        else
            read_line(parser, (struct text){line.bytes, line.count - 2});
        buffer_clear(&parser->line);
    }
    return taken;
}

/* ---- counted bytes ---- */

static size_t feed_body(struct request_parser *parser, const uint8_t *bytes, size_t count) {
    size_t taken = count < parser->remaining ? count : (size_t)parser->remaining;
    if (parser->keep_body)
        buffer_append(&parser->body, bytes, taken);
    parser->remaining -= taken;
    if (parser->body.failed)
        request_refuse(parser, 503, "The server is out of memory.");
    else if (!parser->remaining && parser->state == STATE_SIZED_BODY)
        parser->progress = REQUEST_COMPLETE;
    else if (!parser->remaining)
        parser->state = STATE_CHUNK_END;
    return taken;
}

size_t request_feed(struct request_parser *parser, const uint8_t *bytes, size_t count) {
    size_t taken = 0;
    while (taken < count && parser->progress == REQUEST_NEEDS_MORE) {
        bool counted = parser->state == STATE_SIZED_BODY || parser->state == STATE_CHUNK_DATA;
        parser->started = true;
        taken += (counted ? feed_body : feed_line)(parser, bytes + taken, count - taken);
    }
    return taken;
}
