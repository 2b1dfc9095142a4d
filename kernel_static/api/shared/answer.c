/* Prompts one after another through the engine; text, events, ends and figures back to the
 * client. */
#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "platform.h"
#include "respond.h"

#define EVENT_STREAM "text/event-stream"

static const char model_failed[] = "the model failed";
static const char too_late[] = "the request waited too long for the model; try again later";
static const char no_memory[] = "not enough memory for the request";

struct usage answer_usage(const struct answer *answer) {
    const struct generation_figures *figures = &answer->figures;
    return (struct usage){
        .prompt_tokens = (int64_t)figures->prompt_tokens,
        .completion_tokens = (int64_t)figures->answer_tokens,
        .total_tokens = (int64_t)(figures->prompt_tokens + figures->answer_tokens),
        .prompt_tokens_details = {.cached_tokens = (int64_t)figures->cached_tokens}};
}

/* In milliseconds, to a thousandth. */
static double milliseconds(uint64_t nanoseconds) {
    uint64_t microseconds = nanoseconds / 1000;
    return (double)microseconds / 1000;
}

static double per(double amount, double divisor) { return divisor > 0 ? amount / divisor : 0; }

struct timings answer_timings(const struct answer *answer) {
    const struct generation_figures *figures = &answer->figures;
    size_t computed = figures->prompt_tokens - figures->cached_tokens;
    size_t first_tokens =
        answer->current + 1 < answer->prompt_count ? answer->current + 1 : answer->prompt_count;
    double prompt = milliseconds(figures->prompt_nanoseconds);
    double predicted = milliseconds(figures->answer_nanoseconds);
    double more = (double)(figures->answer_tokens - first_tokens);
    return (struct timings){.cache_n = (int64_t)figures->cached_tokens,
                            .prompt_n = (int64_t)computed,
                            .prompt_ms = prompt,
                            .prompt_per_token_ms = per(prompt, (double)computed),
                            .prompt_per_second = per((double)computed * 1000, prompt),
                            .predicted_n = (int64_t)figures->answer_tokens,
                            .predicted_ms = predicted,
                            .predicted_per_token_ms = per(predicted, more),
                            .predicted_per_second = per(more * 1000, predicted)};
}

bool answer_is_last_event(const struct answer *answer, const struct text *text,
                          const enum finish_reason *finish) {
    return !text || (finish && !answer->counts && answer->current + 1 == answer->prompt_count);
}

struct text answer_id(const struct answer *answer) {
    return (struct text){answer->id, strlen(answer->id)};
}

static void set_stops(struct answer *answer, const struct stop *stop) {
    bool one = stop->kind == STOP_TEXT;
    answer->generation.stops = one ? &stop->text : stop->texts.items;
    answer->generation.stop_count = one ? 1 : stop->texts.count;
}

void answer_set_options(struct answer *answer, const struct answer_options *options) {
    answer->streams = options->stream;
    answer->counts = options->has_stream_options && options->stream_options.include_usage;
    answer->generation.cache_prompt = options->cache_prompt;
    if (options->has_stop)
        set_stops(answer, &options->stop);
}

void answer_refuse(struct http_exchange *exchange, enum submit_error error, const char *field) {
    switch (error) {
    case SUBMIT_TOO_LONG:
        http_error(exchange, 400, "invalid_request_error", field,
                   "'%s' and an answer do not fit the context of %u tokens", field,
                   (unsigned)engine_context());
        break;
    case SUBMIT_QUEUE_FULL:
        http_error(exchange, 503, "server_error", NULL,
                   "%d requests are waiting for the model already; try again later",
                   LIMIT_PENDING_REQUESTS);
        break;
    case SUBMIT_SHARE_FULL:
        http_error(exchange, 429, "rate_limit_error", NULL,
                   "more of your requests wait for the model than there is room left for others; "
                   "try again later");
        break;
    case SUBMIT_LOADING:
        http_error(exchange, 503, "server_error", NULL, "the model is not ready");
        break;
    default:
        http_error(exchange, 503, "server_error", NULL, "%s", no_memory);
    }
}

static void release(struct answer *answer) {
    for (size_t i = 0; i < answer->prompt_count; i++)
        buffer_release(&answer->parts[i].text);
}

static void client_gone(void *context) {
    struct answer *answer = context;
    engine_cancel(answer->job);
    release(answer);
}

/* Sends what `body` holds on the stream; false if that ended the exchange. */
static bool send(struct answer *answer, struct buffer *body) {
    bool sent = !body->failed && http_stream_write(answer->exchange, body->bytes, body->count);
    if (body->failed)
        http_stream_cut(answer->exchange);
    buffer_release(body);
    return sent;
}

static bool send_event(struct answer *answer, const struct text *text,
                       const enum finish_reason *finish) {
    struct buffer body;
    respond_start(&body);
    answer->format->event(&body, answer, text, finish);
    return send(answer, &body);
}

static void piece_came(void *context, const struct generation_piece *piece) {
    struct answer *answer = context;

    if (!answer->streams) {
        buffer_append(&answer->parts[answer->current].text, piece->text.bytes, piece->text.count);
    } else if (!send_event(answer, &piece->text, NULL)) {
        engine_cancel(answer->job);
        release(answer);
    }
}

static void finish(struct answer *answer) {
    struct buffer body;
    respond_start(&body);
    http_on_gone(answer->exchange, NULL, NULL);
    if (!answer->streams) {
        for (size_t i = 0; i < answer->prompt_count; i++)
            body.failed |= answer->parts[i].text.failed;
        if (!body.failed)
            answer->format->whole(&body, answer);
        respond_json(answer->exchange, 200, &body);
    } else {
        if (answer->counts)
            answer->format->event(&body, answer, NULL, NULL);
        buffer_append(&body, "data: [DONE]\n\n", 14);
        if (send(answer, &body))
            http_stream_end(answer->exchange);
    }
    release(answer);
}

/* No answer, or not all of it: a response says so; a stream says so in an event and ends without
 * [DONE]. */
static void fail(struct answer *answer, unsigned status, const char *message) {
    http_on_gone(answer->exchange, NULL, NULL);
    if (answer->streams) {
        struct buffer body;
        respond_start(&body);
        buffer_format(&body, "data: {\"error\":{\"message\":\"%s\",\"type\":\"server_error\"}}\n\n",
                      message);
        if (send(answer, &body))
            http_stream_end(answer->exchange);
    } else {
        http_error(answer->exchange, status, "server_error", NULL, "%s", message);
    }
    release(answer);
}

static void add(struct generation_figures *sum, const struct generation_figures *figures) {
    sum->prompt_tokens += figures->prompt_tokens;
    sum->cached_tokens += figures->cached_tokens;
    sum->answer_tokens += figures->answer_tokens;
    sum->prompt_nanoseconds += figures->prompt_nanoseconds;
    sum->answer_nanoseconds += figures->answer_nanoseconds;
}

static enum submit_error submit(struct answer *answer) {
    const struct prompt_list *prompt = &answer->prompts[answer->current];
    answer->generation.prompt = prompt->tokens;
    answer->generation.prompt_tokens = prompt->count;
    answer->generation.continues = answer->current > 0;
    return engine_submit(&answer->generation, &answer->job);
}

static void generation_ended(void *context, const struct generation_result *result) {
    struct answer *answer = context;
    struct answer_part *part = &answer->parts[answer->current];

    switch (result->end) {
    case GENERATION_FAILED:
        fail(answer, 500, model_failed);
        return;
    case GENERATION_NO_MEMORY:
        fail(answer, 503, no_memory);
        return;
    case GENERATION_EXPIRED:
        fail(answer, 503, too_late);
        return;
    case GENERATION_STOP:
    case GENERATION_STOP_TEXT:
        part->finish = FINISH_REASON_STOP;
        break;
    default:
        part->finish = FINISH_REASON_LENGTH;
    }
    add(&answer->figures, &result->figures);
    struct text nothing = {"", 0};
    if (answer->streams && !send_event(answer, &nothing, &part->finish)) {
        release(answer);
        return;
    }
    if (++answer->current == answer->prompt_count)
        finish(answer);
    else if (submit(answer) != SUBMIT_OK) /* checked before the first: only memory is short */
        fail(answer, 503, no_memory);
}

static const struct generation_events events = {.piece = piece_came, .ended = generation_ended};

static void name(struct answer *answer) {
    uint8_t random[12];
    entropy_fill(random, sizeof(random));
    int at = snprintf(answer->id, sizeof(answer->id), "%s", answer->format->id_prefix);
    for (size_t i = 0; i < sizeof(random) && (size_t)at + 2 < sizeof(answer->id); i++)
        at += snprintf(answer->id + at, sizeof(answer->id) - (size_t)at, "%02x", random[i]);
}

void answer_start(struct http_exchange *exchange, const struct answer *wanted, const char *field) {
    struct answer *answer = arena_allocate(http_arena(exchange), sizeof(*answer));
    struct answer_part *parts =
        arena_allocate(http_arena(exchange), wanted->prompt_count * sizeof(*parts));
    if (!answer || !parts) {
        answer_refuse(exchange, SUBMIT_NO_MEMORY, field);
        return;
    }
    *answer = *wanted;
    answer->exchange = exchange;
    answer->parts = parts;
    answer->created = clock_unix_seconds();
    answer->generation.events = &events;
    answer->generation.context = answer;
    answer->generation.client = http_client(exchange);
    name(answer);
    for (size_t i = 0; i < answer->prompt_count; i++) {
        if (answer->prompts[i].count + 1 > engine_context()) {
            answer_refuse(exchange, SUBMIT_TOO_LONG, field);
            return;
        }
        buffer_start(&parts[i].text, 1 << 20);
    }
    enum submit_error error = submit(answer);
    if (error) {
        answer_refuse(exchange, error, field);
        return;
    }
    http_on_gone(exchange, client_gone, answer);
    if (answer->streams) {
        http_stream_start(exchange, 200, EVENT_STREAM);
        struct buffer body;
        respond_start(&body);
        if (answer->format->opening)
            answer->format->opening(&body, answer);
        if (!send(answer, &body))
            client_gone(answer);
    }
}
