/* Runs generated parsers, writers and the router on commands from stdin, under sanitizers.
 *
 * A command is a letter, a 32-bit length and that many bytes; the answer a length and bytes.
 *   v BYTES                 "ok" if BYTES are JSON, else the message
 *   r METHOD PATH           pattern, allowed methods and parameters of the route
 *   d METHOD PATH\nBODY     dispatches; what the handler or the error wrote
 *   s BYTES                 BYTES as a JSON string        b BYTES   as base64
 *   f FLOATS / n DOUBLES    a JSON array of numbers       p BYTES   percent-decoded
 *   a SIZE                  arena limit of later commands */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "appliance.h"
#include "heap.h"
#include "json.h"
#include "percent.h"
#include "route.h"

struct http_exchange {
    struct arena arena;
    struct buffer answer;
};

static size_t arena_limit = 1 << 24;

void *heap_allocate(size_t size) { return malloc(size ? size : 1); }
void *heap_resize(void *block, size_t size) { return realloc(block, size ? size : 1); }
void heap_release(void *block) { free(block); }

struct arena *http_arena(struct http_exchange *exchange) { return &exchange->arena; }

void http_error(struct http_exchange *exchange, unsigned status, const char *type,
                const char *param, const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    buffer_format(&exchange->answer, "%u|%s|%s|%s", status, type, param ? param : "", message);
}

/* What the handlers below, of the spec under test, answer with. */
#include "handlers.inc"

static void append(struct buffer *buffer, struct text text) {
    buffer_append(buffer, text.bytes, text.count);
}

static enum http_method method_of(struct text name) {
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i]))
            return (enum http_method)(1u << i);
    abort();
}

static struct text cut(struct text *rest, char at) {
    const char *found = memchr(rest->bytes, at, rest->count);
    struct text piece = {rest->bytes, found ? (size_t)(found - rest->bytes) : rest->count};
    size_t used = piece.count + (found != NULL);
    rest->bytes += used;
    rest->count -= used;
    return piece;
}

static void run(char command, struct text input, struct http_exchange *exchange) {
    struct buffer *out = &exchange->answer;
    struct json_reader reader;
    struct text decoded;
    switch (command) {
    case 'v':
        json_begin(&reader, input, &exchange->arena, LIMIT_JSON_DEPTH);
        if (json_skip(&reader) && json_end(&reader))
            json_write_raw(out, "ok");
        else
            http_reject(exchange, &reader);
        break;
    case 'r':
    case 'd': {
        enum http_method method = method_of(cut(&input, ' '));
        struct text path = command == 'd' ? cut(&input, '\n') : input;
        struct route_match match = route_find(method, path);
        if (command == 'd') {
            match.route->dispatch(exchange, match.parameters, input);
            break;
        }
        buffer_format(out, "%s %u", match.route ? match.route->pattern : "-", match.allowed);
        const char *parameter = match.route ? strchr(match.route->pattern, '{') : NULL;
        for (int i = 0; parameter; i++, parameter = strchr(parameter + 1, '{')) {
            json_write_raw(out, " ");
            append(out, match.parameters[i]);
        }
        break;
    }
    case 's':
        json_write_string(out, input);
        break;
    case 'b':
        json_write_base64(out, input);
        break;
    case 'f':
    case 'n': {
        bool first = true;
        json_write_raw(out, "[");
        for (size_t at = 0; at < input.count;) {
            json_write_comma(out, &first);
            if (command == 'f') {
                float value;
                memcpy(&value, input.bytes + at, sizeof value);
                json_write_float(out, value);
                at += sizeof value;
            } else {
                double value;
                memcpy(&value, input.bytes + at, sizeof value);
                json_write_number(out, value);
                at += sizeof value;
            }
        }
        json_write_raw(out, "]");
        break;
    }
    case 'p':
        if (percent_decode(input, &exchange->arena, &decoded))
            append(out, decoded);
        else
            json_write_raw(out, "%");
        break;
    case 'a':
        arena_limit = strtoul(input.bytes, NULL, 10);
        break;
    default:
        abort();
    }
}

int main(void) {
    int command;
    while ((command = getchar()) != EOF) {
        uint32_t count;
        if (fread(&count, sizeof count, 1, stdin) != 1)
            return 1;
        bool terminated = command == 'a';
        char *bytes = malloc(count + terminated); /* nothing behind the input may be read */
        if (fread(bytes, 1, count, stdin) != count)
            return 1;
        if (terminated)
            bytes[count] = 0;
        struct http_exchange exchange;
        arena_start(&exchange.arena, arena_limit);
        buffer_start(&exchange.answer, 1 << 26);
        run((char)command, (struct text){bytes, count}, &exchange);
        count = (uint32_t)exchange.answer.count;
        fwrite(&count, sizeof count, 1, stdout);
        if (count)
            fwrite(exchange.answer.bytes, 1, count, stdout);
        fflush(stdout);
        arena_release(&exchange.arena);
        buffer_release(&exchange.answer);
        free(bytes);
    }
    return 0;
}
