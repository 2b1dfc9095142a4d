/* RFC 9112 section 3: method SP target SP version. */
#include "request.h"

#include <string.h>

#include "method.h"
#include "path.h"
#include "grammar.h"

static bool read_method(struct request_parser *parser, struct text name) {
    if (!token_valid(name)) {
        request_refuse(parser, 400, "The request line must be METHOD TARGET HTTP/1.1.");
        return false;
    }
    parser->request.method = method_of(name);
    return true; /* an unknown one is refused last: version and target come first */
}

/* "HTTP/" digit "." digit. */
static bool read_version(struct request_parser *parser, struct text version) {
    const char *at = version.bytes;
    if (version.count != 8 || memcmp(at, "HTTP/", 5) || at[5] < '0' || at[5] > '9' ||
        at[6] != '.' || at[7] < '0' || at[7] > '9') {
        request_refuse(parser, 400, "The request line must be METHOD TARGET HTTP/1.1.");
        return false;
    }
    if (at[5] != '1') {
        request_refuse(parser, 505, "This server speaks HTTP/1.1 and HTTP/1.0.");
        return false;
    }
    parser->request.minor = at[7] == '0' ? 0 : 1;
    return true;
}

/* The path of a target in origin-form or absolute-form (sections 3.2.1, 3.2.2), or "*"; count 0
 * if it is none. */
static struct text path_of(struct request_parser *parser, struct text target) {
    static const char scheme[] = "http://";
    if (text_is(target, "*") && parser->request.method == HTTP_OPTIONS)
        return target;
    if (target.count > sizeof scheme - 1 && text_starts_caseless(target, scheme)) {
        target.bytes += sizeof scheme - 1;
        target.count -= sizeof scheme - 1;
        size_t host = 0;
        while (host < target.count && target.bytes[host] != '/' && target.bytes[host] != '?')
            host++;
        if (!host)
            return (struct text){0};
        parser->absolute = true;
        target.bytes += host;
        target.count -= host;
        if (!target.count || *target.bytes == '?')
            return (struct text){"/", 1};
    }
    if (*target.bytes != '/')
        return (struct text){0};
    const char *query = memchr(target.bytes, '?', target.count);
    return (struct text){target.bytes, query ? (size_t)(query - target.bytes) : target.count};
}

static bool read_target(struct request_parser *parser, struct text target) {
    for (size_t i = 0; i < target.count; i++)
        if (target.bytes[i] <= ' ' || target.bytes[i] > '~' || target.bytes[i] == '#') {
            request_refuse(parser, 400, "The request target has a byte that no URI has.");
            return false;
        }
    struct text path = path_of(parser, target);
    char *copy = path.count ? arena_allocate(parser->arena, path.count) : NULL;
    if (!path.count) {
        request_refuse(parser, 400, "The request target must be a path, such as /health.");
        return false;
    }
    if (!copy) {
        request_refuse(parser, 503, "The server is out of memory.");
        return false;
    }
    parser->request.path = (struct text){copy, path_normalise(path, copy)};
    if (!parser->request.path.count) {
        request_refuse(parser, 400,
                       "A percent sign in the target must be followed by two "
                       "hexadecimal digits.");
        return false;
    }
    return true;
}

void request_read_line(struct request_parser *parser, struct text line) {
    const char *end = line.bytes + line.count;
    const char *first = memchr(line.bytes, ' ', line.count);
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first) - 1) : NULL;
    if (!second || second == first + 1) {
        request_refuse(parser, 400, "The request line must be METHOD TARGET HTTP/1.1.");
        return;
    }
    struct text method = {line.bytes, (size_t)(first - line.bytes)};
    struct text target = {first + 1, (size_t)(second - first) - 1};
    struct text version = {second + 1, (size_t)(end - second) - 1};
    if (!read_method(parser, method) || !read_version(parser, version))
        return;
    if (!parser->request.method) {
        request_refuse(parser, 501, "This server does not implement the request's method.");
        return;
    }
    if (read_target(parser, target))
        parser->state = STATE_FIELDS;
}
