/* Response heads (RFC 9112 section 4, RFC 9110 section 15) and error bodies in OpenAI's shape. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "route.h"
#include "text.h"

/* How long the body is, as the head says it. */
enum response_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

struct response_head {
    unsigned status;
    enum response_framing framing;
    uint64_t length;          /* for FRAMING_LENGTH */
    const char *content_type; /* null: none */
    const char *extra;        /* whole field lines with their CRLF, or null */
    uint32_t allowed;         /* enum http_method bits for Allow; 0: no such field */
    unsigned retry_after;     /* seconds, where the client may try again; 0: no such field */
    struct text id;           /* for X-Request-Id; count 0: none */
    bool id_named_twice;      /* Anthropic's clients know it as Request-Id */
    struct text origin;       /* of the page that may read it; count 0: no page */
    bool close;               /* last response on the connection */
    bool keep_alive_said;     /* tell an HTTP/1.0 client that it may go on */
};

void response_write_head(struct buffer *to, const struct response_head *head);

/* What is said to a request instead of what it asked for; `type` null takes the usual one for the
 * status, `param` and `code` may be null. */
struct refusal {
    unsigned status;
    const char *type, *param, *code, *message;
    const char *more;  /* JSON members of the error beside these, as `"n_ctx":5`, or null */
    const char *extra; /* as in response_head */
};

void response_write_refusal(struct buffer *to, const struct refusal *refusal,
                            enum error_shape shape);
