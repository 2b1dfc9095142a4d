/* The generated router's face. `route_find` branches on bytes; `dispatch` parses the body into
 * the request struct in the exchange's arena and calls the handler that the spec names, or
 * answers with an error in OpenAI's shape. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "text.h"

enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_PATCH = 1 << 5,
    HTTP_OPTIONS = 1 << 6,
};

#define ROUTE_PARAMETERS_MAX 4

/* Whose shape errors have. */
enum error_shape { ERRORS_OPENAI, ERRORS_ANTHROPIC };

struct route {
    const char *pattern; /* as in the spec, for the log */
    enum http_method method;
    bool authenticated;
    bool streams;
    bool has_body;
    bool quiet; /* its answers are told in the log at debug level */
    enum error_shape errors;
    void (*dispatch)(struct http_exchange *exchange, const struct text *parameters,
                     struct text body);
};

struct route_match {
    const struct route *route; /* null: no route has this path and method */
    uint32_t allowed;          /* enum http_method bits that this path has; 0: no such path */
    struct text parameters[ROUTE_PARAMETERS_MAX]; /* percent-decoding is the caller's */
};

/* `path` is the target's path without query. Generated in api/router.c. */
struct route_match route_find(enum http_method method, struct text path);
