/* HTTP over streams that live in memory, driven by commands on standard input, so that tests can
 * split bytes, close windows and move time as they like, in a process with sanitizers.
 *
 * Command: letter, u32 stream, u32 number, u32 count, count bytes. After each command an answer:
 * u32 count, count bytes. All little-endian.
 *
 *   O  open the stream                      answer: "1", or "0" if it was refused
 *   F  the peer sends the bytes, in pieces of `number` bytes (0: one piece)
 *   E  the peer sends FIN                   R  the peer resets
 *   W  the transport takes `number` more bytes (at first it takes any number)
 *   G  what was written since the last G    answer: state, then bytes; state is a letter:
 *      o open, c closed by stream_close, a aborted, g gone (closed was delivered)
 *   T  the clock advances `number` milliseconds and http_poll runs
 *   A  answers the oldest deferred exchange: number 0 http_respond with the bytes, 1 stream start,
 *      2 stream write, 3 stream end, else http_error   answer: "1", "0" (write was false), "-"
 *   S  makes room as a full transport does  answer: the stream that was spared, -1: none
 *   U  the stream is settled if `number` is 0 (at first it is)
 *   H  answer: heap bytes in use, handlers told that their client is gone, as text
 *   D  answer: log lines since the last D
 *   M  answer: the page of metrics
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exposition.h"
#include "heap.h"
#include "http.h"
#include "log.h"
#include "panic.h"
#include "platform.h"
#include "command_line.h"
#include "transport.h"
#include "routes.h"

#define STREAMS 8
#define GUARDED_BYTES ((size_t)1 << 17)

/* ---- the platform ---- */

static uint64_t now = 1000000000;
static char log_lines[1 << 16];
static const char *words = ""; /* the command line */

uint64_t clock_nanoseconds(void) { return now; }

static void pass(void) { now += 300000; }

uint64_t clock_unix_seconds(void) { return 784111777 + 1000000000; }

bool log_has(enum log_level level) { return level <= LOG_DEBUG; }

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    size_t used = strlen(log_lines);
    va_list arguments;
    va_start(arguments, format);
    used += (size_t)snprintf(log_lines + used, sizeof log_lines - used, "%d %s: ", (int)level,
                             subsystem);
    if (used < sizeof log_lines)
        used += (size_t)vsnprintf(log_lines + used, sizeof log_lines - used, format, arguments);
    if (used + 1 < sizeof log_lines)
        strcpy(log_lines + used, "\n");
    va_end(arguments);
}

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    abort();
}

void entropy_fill(void *bytes, size_t count) { memset(bytes, 0xab, count); }

struct text command_line_value(const char *key) {
    size_t size = strlen(key);
    for (const char *at = words; at && *at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (!strncmp(at, key, size) && at[size] == '=')
            return (struct text){at + size + 1, strcspn(at + size + 1, " ")};
    }
    return (struct text){NULL, 0};
}

_Noreturn void command_line_refuse(const char *key, const char *expected, ...) {
    fprintf(stderr, "%s=: expected %s\n", key, expected);
    exit(2);
}

/* ---- the transport ---- */

struct stream {
    bool open, closing, aborted, finished, finished_told, offer, fell_short, unsettled;
    void *context;
    char *input, *output;
    size_t input_count, output_count, budget;
};

static struct stream streams[STREAMS];
static const struct stream_events *events;
static uint8_t *guarded; /* GUARDED_BYTES, then a page that must not be touched */

bool transport_start(const struct stream_events *callbacks) {
    events = callbacks;
    guarded = mmap(NULL, GUARDED_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    return !mprotect(guarded + GUARDED_BYTES, 4096, PROT_NONE);
}

size_t stream_writable(const struct stream *stream) {
    return stream->closing || stream->aborted ? 0 : stream->budget;
}

size_t stream_write(struct stream *stream, const void *bytes, size_t count) {
    size_t room = stream_writable(stream), taken = count < room ? count : room;
    stream->output = realloc(stream->output, stream->output_count + taken + 1);
    if (taken)
        memcpy(stream->output + stream->output_count, bytes, taken);
    stream->output_count += taken;
    if (stream->budget != SIZE_MAX)
        stream->budget -= taken;
    stream->fell_short |= taken < count;
    return taken;
}

bool stream_settled(const struct stream *stream) { return !stream->unsettled; }

void stream_close(struct stream *stream) { stream->closing = true; }

void stream_abort(struct stream *stream) { stream->aborted = true; }

void stream_resume(struct stream *stream) { stream->offer = true; }

void stream_rest(struct stream *stream) { kernel_assert(!stream->input_count); }

const char *stream_peer(const struct stream *stream) {
    return stream == streams ? "192.0.2.1:1000" : "192.0.2.2:2000";
}

/* Offers the input, flush against the page that must not be touched. */
static void offer(struct stream *stream) {
    stream->offer = false;
    while (stream->input_count && stream->open && !stream->aborted) {
        size_t part = stream->input_count < GUARDED_BYTES ? stream->input_count : GUARDED_BYTES;
        uint8_t *bytes = guarded + GUARDED_BYTES - part;
        memcpy(bytes, stream->input, part);
        size_t taken = events->received(stream->context, bytes, part);
        kernel_assert(taken <= part);
        stream->input_count -= taken;
        memmove(stream->input, stream->input + taken, stream->input_count);
        if (!taken)
            break;
    }
}

/* What the main loop does, until nothing happens. */
static void settle(void) {
    http_poll();
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *stream = &streams[i];
        if (!stream->open)
            continue;
        while (stream->offer && !stream->aborted)
            offer(stream);
        if (!stream->aborted && stream->fell_short && stream_writable(stream)) {
            stream->fell_short = false;
            events->writable(stream->context);
        }
        while (stream->offer && !stream->aborted)
            offer(stream);
        if (stream->finished && !stream->finished_told && !stream->input_count &&
            !stream->aborted) {
            stream->finished_told = true;
            events->finished(stream->context);
        }
        if (stream->aborted || (stream->closing && stream->finished_told)) {
            stream->open = false;
            events->closed(stream->context);
        }
    }
}

static void peer_sends(struct stream *stream, const char *bytes, size_t count, size_t piece) {
    if (!piece)
        piece = count;
    for (size_t at = 0; at < count && stream->open; at += piece) {
        size_t part = count - at < piece ? count - at : piece;
        stream->input = realloc(stream->input, stream->input_count + part);
        memcpy(stream->input + stream->input_count, bytes + at, part);
        stream->input_count += part;
        stream->offer = true;
        settle();
    }
}

/* ---- commands ---- */

static void reply(const void *bytes, size_t count) {
    uint32_t size = (uint32_t)count;
    fwrite(&size, 4, 1, stdout);
    fwrite(bytes, 1, count, stdout);
    fflush(stdout);
}

static void reply_output(struct stream *stream) {
    char state = !stream->open ? 'g' : stream->aborted ? 'a' : stream->closing ? 'c' : 'o';
    char *bytes = malloc(stream->output_count + 1);
    bytes[0] = state;
    if (stream->output_count)
        memcpy(bytes + 1, stream->output, stream->output_count);
    reply(bytes, stream->output_count + 1);
    free(bytes);
    stream->output_count = 0;
}

static void reply_metrics(void) {
    struct buffer page;
    buffer_start(&page, 1 << 20);
    exposition_write(&page);
    reply(page.bytes, page.count);
    buffer_release(&page);
}

/* Orders that a handler must not give (a second start, an end without one) become ones it may. */
static const char *answer(uint32_t how, const char *bytes, size_t count) {
    struct http_exchange *exchange = deferred[0].exchange;
    bool streaming = deferred[0].streaming, goes_on = how == 1 || how == 2;
    if (!exchange)
        return "-";
    if (!streaming && how >= 1 && how <= 3)
        http_stream_start(exchange, 200, "text/event-stream");
    deferred[0].streaming = streaming || goes_on;
    if (how == 2 && !http_stream_write(exchange, bytes, count)) {
        forget(&deferred[0]);
        settle();
        return "0";
    }
    if (!goes_on) {
        forget(&deferred[0]);
        if (how == 3 || streaming)
            http_stream_end(exchange);
        else if (how == 0)
            http_respond(exchange, 200, "text/plain", bytes, count);
        else
            http_error(exchange, 422, "invalid_request_error", "field", "%.*s", (int)count, bytes);
    }
    settle();
    return "1";
}

static void open_stream(struct stream *stream) {
    if (stream->open) {
        events->closed(stream->context);
        stream->open = false;
    }
    free(stream->input);
    free(stream->output);
    *stream = (struct stream){.open = true, .budget = SIZE_MAX};
    stream->context = events->opened(stream);
    stream->open = stream->context != NULL;
    reply(stream->open ? "1" : "0", 1);
}

static void run(char letter, struct stream *stream, uint32_t number, const char *bytes,
                size_t count) {
    char text[64];
    switch (letter) {
    case 'O':
        open_stream(stream);
        return;
    case 'F':
        peer_sends(stream, bytes, count, number);
        break;
    case 'E':
        stream->finished = true;
        break;
    case 'R':
        stream->aborted = true;
        break;
    case 'W':
        stream->budget = stream->budget == SIZE_MAX ? number : stream->budget + number;
        break;
    case 'G':
        reply_output(stream);
        return;
    case 'T':
        now += (uint64_t)number * 1000000;
        http_poll();
        break;
    case 'A':
        reply(answer(number, bytes, count), 1);
        return;
    case 'S':
        stream = events->spare();
        snprintf(text, sizeof text, "%td", stream ? stream - streams : -1);
        if (stream)
            stream_abort(stream);
        settle();
        reply(text, strlen(text));
        return;
    case 'U':
        stream->unsettled = number;
        break;
    case 'H':
        snprintf(text, sizeof text, "%zu %zu", heap_statistics().used, gone_count);
        reply(text, strlen(text));
        return;
    case 'M':
        reply_metrics();
        return;
    case 'D':
        reply(log_lines, strlen(log_lines));
        log_lines[0] = 0;
        return;
    }
    settle();
    reply("", 0);
}

int main(int count, char **arguments) {
    work_passes = pass;
    struct {
        uint32_t stream, number, count;
    } command;
    if (count > 1)
        words = arguments[1];
    size_t memory = (size_t)24 << 20;
    memory_start((struct memory_span){aligned_alloc(4096, memory), memory}, memory);
    exposition_provide(METRICS_LIMITS, NULL);
    http_start();
    for (int letter; (letter = getchar()) != EOF;) {
        if (fread(&command, sizeof command, 1, stdin) != 1)
            return 1;
        char *bytes = malloc(command.count + 1); /* exactly so many, for the sanitizer */
        if (fread(bytes, 1, command.count, stdin) != command.count)
            return 1;
        run((char)letter, &streams[command.stream % STREAMS], command.number, bytes, command.count);
        free(bytes);
    }
    return 0;
}
