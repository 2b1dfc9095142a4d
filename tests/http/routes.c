/* Routes and handlers for the tests of HTTP: some answer at once, some when the test says so. */
#include "routes.h"

#include <string.h>

#include "coroutine.h"
#include "route.h"

struct deferred deferred[DEFERRED_MOST + 1];
size_t gone_count;

static void told_gone(void *context);

void forget(struct deferred *slot) {
    memmove(slot, slot + 1, (size_t)(deferred + DEFERRED_MOST - slot) * sizeof *slot);
    for (slot = deferred; slot->exchange; slot++)
        http_on_gone(slot->exchange, told_gone, slot);
}

static void told_gone(void *context) {
    gone_count++;
    forget(context);
}

static void get_health(struct http_exchange *exchange, const struct text *parameters,
                       struct text body) {
    (void)parameters;
    (void)body;
    http_respond(exchange, 200, "text/plain", "well", 4);
}

static void post_echo(struct http_exchange *exchange, const struct text *parameters,
                      struct text body) {
    (void)parameters;
    http_respond(exchange, 200, "application/octet-stream", body.bytes, body.count);
}

void (*work_passes)(void);

/* Takes its time, and gives way. */
static void work(size_t bytes) {
    for (size_t at = 0; at < 16 * bytes; at += 1000) {
        if (at % 16000 == 0 && work_passes)
            work_passes();
        coroutine_give_way();
    }
}

static void post_work(struct http_exchange *exchange, const struct text *parameters,
                      struct text body) {
    (void)parameters;
    work(body.count);
    http_respond(exchange, 200, "application/octet-stream", body.bytes, body.count);
}

static void told_work_gone(void *context) {
    (void)context;
    gone_count++;
}

/* The same, and never answers. */
static void post_work_later(struct http_exchange *exchange, const struct text *parameters,
                            struct text body) {
    (void)parameters;
    work(body.count);
    http_on_gone(exchange, told_work_gone, exchange);
}

static void get_item(struct http_exchange *exchange, const struct text *parameters,
                     struct text body) {
    (void)body;
    char *copy = arena_allocate(http_arena(exchange), parameters[0].count + 1);
    memcpy(copy, parameters[0].bytes, parameters[0].count);
    http_respond(exchange, 200, "text/plain", copy, parameters[0].count);
    memset(copy, 0, parameters[0].count); /* the arena lives until the handler returns */
}

static void get_stream(struct http_exchange *exchange, const struct text *parameters,
                       struct text body) {
    (void)parameters;
    (void)body;
    http_stream_start(exchange, 200, "text/event-stream");
    http_stream_write(exchange, "one", 3);
    http_stream_write(exchange, "", 0);
    http_stream_write(exchange, "two", 3);
    http_stream_end(exchange);
}

static void get_large(struct http_exchange *exchange, const struct text *parameters,
                      struct text body) {
    (void)parameters;
    (void)body;
    static char bytes[300000];
    memset(bytes, 'x', sizeof bytes);
    http_respond(exchange, 200, "text/plain", bytes, sizeof bytes);
}

static void post_defer(struct http_exchange *exchange, const struct text *parameters,
                       struct text body) {
    (void)parameters;
    (void)body;
    struct deferred *slot = deferred;
    while (slot->exchange)
        slot++;
    *slot = (struct deferred){exchange, false};
    http_on_gone(exchange, told_gone, slot);
}

/* "/busy", or "/busy/N" with N seconds of one digit. */
static void get_busy(struct http_exchange *exchange, const struct text *parameters,
                     struct text body) {
    (void)body;
    if (parameters[0].count)
        http_retry_after(exchange, (unsigned)(*parameters[0].bytes - '0'));
    http_error(exchange, parameters[0].count ? 429 : 503, "server_error", NULL, "busy");
}

static const struct route routes[] = {
    {.pattern = "/health", .method = HTTP_GET, .dispatch = get_health},
    {.pattern = "/echo", .method = HTTP_POST, .has_body = true, .dispatch = post_echo},
    {.pattern = "/echo", .method = HTTP_PUT, .has_body = true, .dispatch = post_echo},
    {.pattern = "/work", .method = HTTP_POST, .has_body = true, .dispatch = post_work},
    {.pattern = "/work-later", .method = HTTP_POST, .has_body = true, .dispatch = post_work_later},
    {.pattern = "/items/", .method = HTTP_GET, .dispatch = get_item},
    {.pattern = "/stream", .method = HTTP_GET, .streams = true, .dispatch = get_stream},
    {.pattern = "/busy", .method = HTTP_GET, .dispatch = get_busy},
    {.pattern = "/busy/", .method = HTTP_GET, .dispatch = get_busy},
    {.pattern = "/large", .method = HTTP_GET, .dispatch = get_large},
    {.pattern = "/secret", .method = HTTP_GET, .authenticated = true, .dispatch = get_health},
    {.pattern = "/probe",
     .method = HTTP_GET,
     .authenticated = true,
     .quiet = true,
     .dispatch = get_health},
    {.pattern = "/defer", .method = HTTP_POST, .has_body = true, .dispatch = post_defer},
    {.pattern = "/later", .method = HTTP_GET, .dispatch = post_defer},
};

struct route_match route_find(enum http_method method, struct text path) {
    struct route_match match = {0};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t count = strlen(routes[i].pattern);
        bool prefix = routes[i].pattern[count - 1] == '/';
        if (path.count < count || memcmp(path.bytes, routes[i].pattern, count) ||
            (!prefix && path.count != count))
            continue;
        match.allowed |= routes[i].method;
        if (routes[i].method == method) {
            match.route = &routes[i];
            if (prefix)
                match.parameters[0] = (struct text){path.bytes + count, path.count - count};
        }
    }
    return match;
}
