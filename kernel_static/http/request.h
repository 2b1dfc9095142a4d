/* An incremental parser of HTTP/1.1 requests (RFC 9112, RFC 9110), one request at a time. It may
 * be fed any split of the bytes and always comes to the same result. It is strict where leniency
 * is how requests are smuggled: lines end in CRLF, a lone CR is refused, so are folded fields,
 * space before a colon, and a message framed in two ways. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buffer.h"
#include "route.h"
#include "text.h"

/* What the head says; texts live in the parser's arena. */
struct http_request {
    enum http_method method;
    struct text path; /* of the target, without query; "*" for OPTIONS * */
    unsigned minor;   /* of the version: 0 or 1 */
    bool keep_alive;
    bool expects_continue;
    bool chunked, has_length;
    uint64_t length; /* of the body, if has_length */
    bool encoded;    /* the body has a content coding */
    /* Values of fields; bytes null if there is none. */
    struct text host, origin, authorization, api_key, id;
};

enum request_progress {
    REQUEST_NEEDS_MORE,
    REQUEST_HEAD_READY, /* feed nothing before request_take_body */
    REQUEST_COMPLETE,
    REQUEST_REFUSED, /* `status` and `message` say why; the connection cannot go on */
};

enum request_state {
    STATE_REQUEST_LINE,
    STATE_FIELDS,
    STATE_SIZED_BODY,
    STATE_CHUNK_SIZE,
    STATE_CHUNK_DATA,
    STATE_CHUNK_END,
    STATE_TRAILERS,
};

struct request_parser {
    enum request_progress progress;
    enum request_state state;
    struct http_request request;
    struct arena *arena;
    struct buffer line; /* the start of a line whose end has not come */
    struct buffer body;
    bool keep_body;
    bool started; /* a byte of this request was seen */
    bool host_seen, connection_close, connection_keep_alive, absolute;
    size_t head_bytes, fields; /* of the head, or of the trailers */
    uint64_t body_bytes;       /* announced by chunks so far */
    uint64_t remaining;        /* of the body, or of the chunk */
    unsigned status;
    const char *message;
};

/* Makes the parser ready for a request; releases what an earlier one held. The caller owns arena,
 * which must be started, and whose budget is the parser's too. The parser must be zeroed before the
 * first call. */
void request_start(struct request_parser *parser, struct arena *arena);

/* Takes bytes until progress is no longer REQUEST_NEEDS_MORE; returns how many. */
size_t request_feed(struct request_parser *parser, const uint8_t *bytes, size_t count);

/* Answers REQUEST_HEAD_READY: the body is to be kept in parser->body, or read and dropped. */
void request_take_body(struct request_parser *parser, bool keep);

/* Gives memory back. */
void request_release(struct request_parser *parser);

/* Parts of the parser, one line each, without its CRLF. They refuse through request_refuse. */
void request_read_line(struct request_parser *parser, struct text line);
void request_read_field(struct request_parser *parser, struct text line);
void request_end_fields(struct request_parser *parser);
void request_read_trailer(struct request_parser *parser, struct text line);
void request_read_chunk_size(struct request_parser *parser, struct text line);
void request_refuse(struct request_parser *parser, unsigned status, const char *message);
void request_refuse_large(struct request_parser *parser); /* a body beyond the limit */
