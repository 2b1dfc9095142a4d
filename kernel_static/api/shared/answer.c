/* The jobs of an answer: submitted, followed, ended; their text and events back to the client. */
#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "appliance.h"
#include "platform.h"
#include "respond.h"

#define EVENT_STREAM "text/event-stream"
#define PART_TEXT_LIMIT ((size_t)4 << 20)
#define PART_DRAWN_LIMIT ((size_t)8 << 20)

static const char model_failed[] = "the model failed";
static const char no_memory[] = "not enough memory for the request";
static const char too_late[] = "the request waited too long for the model; try again later";

static bool keeps_drawn(const struct answer *answer) {
    return answer->tells_tokens || answer->tells_chances;
}

/* Nothing more is heard of any job. */
static void release(struct answer *answer) {
    for (size_t i = 0; i < answer->part_count; i++) {
        struct answer_part *part = &answer->parts[i];
        if (part->job)
            engine_cancel(part->job);
        part->job = NULL;
        buffer_release(&part->text_buffer);
        buffer_release(&part->drawn_buffer);
    }
}

static void client_gone(void *context) { release(context); }

/* Sends what `body` holds on the stream; false if that ended the exchange, and the answer. */
static bool send(struct answer *answer, struct buffer *body) {
    bool sent = !body->failed && http_stream_write(answer->exchange, body->bytes, body->count);
    if (body->failed)
        http_stream_cut(answer->exchange);
    buffer_release(body);
    if (!sent)
        release(answer);
    return sent;
}

/* No answer, or not all of it: a response says so; a stream says so in an event and ends without
 * what usually ends it. */
static void fail(struct answer *answer, unsigned status, const char *message) {
    http_on_gone(answer->exchange, NULL, NULL);
    if (answer->streams) {
        struct buffer body;
        respond_start(&body);
        http_error_event(answer->exchange, &body, status, message);
        if (send(answer, &body))
            http_stream_end(answer->exchange);
        else
            return;
    } else {

        http_retry_after(answer->exchange, engine_retry_seconds());
        http_error(answer->exchange, status, "server_error", NULL, "%s", message);
    }
    release(answer);
}

/* Of candidates, those with the likeliest tokens on the average, best first. */
static double merit(const struct answer_part *part) {
    size_t tokens = part->figures.answer_tokens;
    return part->log_probability / (double)(tokens ? tokens : 1);
}

static void choose(struct answer *answer, size_t prompt) {
    struct answer_part *candidates = answer->parts + prompt * answer->candidates;
    const struct answer_part **told = answer->told + prompt * answer->choices;
    bool ranks = answer->candidates > answer->choices;
    size_t count = 0;
    for (size_t c = 0; c < answer->candidates; c++) {
        const struct answer_part *part = &candidates[c];
        size_t at = count;
        while (ranks && at > 0 && merit(part) > merit(told[at - 1]))
            at--;
        if (at == answer->choices)
            continue;
        for (size_t i = count < answer->choices ? count++ : count - 1; i > at; i--)
            told[i] = told[i - 1];
        told[at] = part;
    }
    for (size_t i = 0; i < count; i++)
        candidates[told[i] - candidates].index = prompt * answer->choices + i;
}

static void finish(struct answer *answer) {
    struct buffer body;
    respond_start(&body);
    http_on_gone(answer->exchange, NULL, NULL);
    if (answer->streams) {
        answer->format->closing(&body, answer);
        if (!send(answer, &body))
            return;
        http_stream_end(answer->exchange);
    } else {
        for (size_t i = 0; i < answer->prompt_count; i++)
            choose(answer, i);
        for (size_t i = 0; i < answer->part_count; i++)
            body.failed |=
                answer->parts[i].text_buffer.failed | answer->parts[i].drawn_buffer.failed;
        if (!body.failed)
            answer->format->whole(&body, answer);
        respond_json(answer->exchange, 200, &body);
    }
    release(answer);
}

/* What the buffers of a part hold from these bytes on is its text and what was drawn. */
static void show(struct answer_part *part, size_t from_text, size_t from_drawn, struct text *text,
                 struct drawn *drawn) {
    const struct sampling *sampling = &part->answer->generation.sampling;
    size_t size = (1 + sampling->likeliest) * sizeof(struct token_likelihood);
    const char *bytes = part->text_buffer.bytes ? part->text_buffer.bytes : "";
    const char *records = part->drawn_buffer.bytes ? part->drawn_buffer.bytes : "";
    *text = (struct text){bytes + from_text, part->text_buffer.count - from_text};
    const void *first = records + from_drawn;
    drawn->records = first;
    drawn->likeliest = sampling->likeliest;
    drawn->count = (part->drawn_buffer.count - from_drawn) / size;
    drawn->after_the_chain = sampling->after_the_chain;
}

/* Sends the event of what is new in a part; false if that ended the answer. */
static bool send_event(struct answer_part *part) {
    struct buffer body;
    respond_start(&body);
    body.failed = part->text_buffer.failed || part->drawn_buffer.failed;
    show(part, part->told_text, part->told_drawn, &part->text, &part->drawn);
    show(part, 0, 0, &part->all_text, &part->all_drawn);
    part->answer->format->event(&body, part);
    part->opened = true;
    if (part->answer->keeps_all) {
        part->told_text = part->text_buffer.count;
        part->told_drawn = part->drawn_buffer.count;
    } else {
        buffer_clear(&part->text_buffer);
        buffer_clear(&part->drawn_buffer);
    }
    return send(part->answer, &body);
}

static void piece_came(void *context, const struct generation_piece *piece) {
    struct answer_part *part = context;
    struct answer *answer = part->answer;

    if (answer->prompt_only)
        return;
    part->figures = *piece->figures;
    if (piece->token)
        part->log_probability += (double)piece->token->log_probability;
    if (piece->token && keeps_drawn(answer))
        drawn_append(&part->drawn_buffer, piece->token, answer->generation.sampling.likeliest);
    buffer_append(&part->text_buffer, piece->text.bytes, piece->text.count);
    part->has_new_line |= piece->text.count && memchr(piece->text.bytes, '\n', piece->text.count);
    if (answer->streams)
        send_event(part);
}

static void progress_came(void *context, const struct generation_figures *figures, size_t stored) {
    struct answer_part *part = context;
    struct answer *answer = part->answer;
    struct buffer body;

    if (!answer->streams || !answer->tells_progress || !answer->format->progress)
        return;
    part->figures = *figures;
    respond_start(&body);
    answer->format->progress(&body, part, stored);
    send(answer, &body);
}

/* A comment, which clients read over (the HTML standard, server-sent events). */
static void waits(void *context) {
    struct answer *answer = ((struct answer_part *)context)->answer;
    struct buffer body;

    if (!answer->streams)
        return;
    respond_start(&body);
    buffer_append(&body, ": the model is at work\n\n", 24);
    send(answer, &body);
}

static void generation_ended(void *context, const struct generation_result *result);

static const struct generation_events events = {
    .piece = piece_came, .progress = progress_came, .waits = waits, .ended = generation_ended};

/* Submits parts until enough run. */
static enum submit_error submit(struct answer *answer) {
    while (answer->submitted < answer->part_count &&
           answer->submitted - answer->over < LIMIT_PARALLEL_JOBS) {
        struct answer_part *part = &answer->parts[answer->submitted];
        struct generation_request request = answer->generation;
        request.prompt = part->prompt->tokens;
        request.prompt_tokens = part->prompt->count;
        request.sampling.seed += answer->submitted % answer->candidates;
        request.continues = answer->submitted > 0;
        request.context = part;
        enum submit_error error = engine_submit(&request, &part->job);
        if (error)
            return error;
        answer->submitted++;
    }
    return SUBMIT_OK;
}

static void generation_ended(void *context, const struct generation_result *result) {
    struct answer_part *part = context;
    struct answer *answer = part->answer;

    part->job = NULL;
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
    case GENERATION_STOP_TEXT:
        part->stopped_by = answer->generation.stops[result->stop];
        break;
    default:
        break;
    }
    part->end = answer->prompt_only ? GENERATION_LENGTH : result->end;
    part->figures = result->figures;
    if (answer->prompt_only)
        part->figures.answer_tokens = 0;
    part->over = true;
    answer->over++;
    if (!answer->streams)
        show(part, 0, 0, &part->text, &part->drawn);
    else if (!send_event(part))
        return;
    if (answer->over == answer->part_count)
        finish(answer);
    else if (submit(answer) != SUBMIT_OK) /* lengths were checked: only memory is short */
        fail(answer, 503, no_memory);
}

static void name(struct answer *answer) {
    uint8_t random[12];
    entropy_fill(random, sizeof(random));
    int at = snprintf(answer->id, sizeof(answer->id), "%s", answer->format->id_prefix);
    for (size_t i = 0; i < sizeof(random) && (size_t)at + 2 < sizeof(answer->id); i++)
        at += snprintf(answer->id + at, sizeof(answer->id) - (size_t)at, "%02x", random[i]);
}

/* The answer with its parts in the exchange's arena; null, having answered, if it cannot be. */
static struct answer *make(struct http_exchange *exchange, const struct answer *wanted,
                           const char *field) {
    size_t choices = wanted->choices ? wanted->choices : 1;
    size_t candidates = wanted->candidates > choices ? wanted->candidates : choices;
    size_t count = wanted->prompt_count * candidates, told = wanted->prompt_count * choices;
    struct arena *arena = http_arena(exchange);
    struct answer *answer = arena_allocate(arena, sizeof(*answer));
    struct answer_part *parts = arena_allocate(arena, count * sizeof(*parts));
    const struct answer_part **list =
        (const struct answer_part **)arena_allocate(arena, told * sizeof(*list));

    if (!answer || !parts || !list) {
        answer_refuse(exchange, SUBMIT_NO_MEMORY, field);
        return NULL;
    }
    *answer = *wanted;
    answer->exchange = exchange;
    answer->created = clock_unix_seconds();
    answer->choices = choices;
    answer->candidates = candidates;
    answer->parts = parts;
    answer->part_count = count;
    answer->told = list;
    answer->told_count = told;
    answer->generation.events = &events;
    answer->generation.client = http_client(exchange);
    answer->generation.every_token =
        answer->tells_tokens || answer->tells_timings || answer->generation.sampling.likelihoods;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct answer_part){
            .answer = answer, .prompt = &wanted->prompts[i / candidates], .index = i};
        buffer_start(&parts[i].text_buffer, PART_TEXT_LIMIT);
        buffer_start(&parts[i].drawn_buffer, PART_DRAWN_LIMIT);
    }
    name(answer);
    return answer;
}

void answer_start(struct http_exchange *exchange, const struct answer *wanted, const char *field) {
    for (size_t i = 0; i < wanted->prompt_count; i++)
        if (wanted->prompts[i].count + 1 > engine_context()) {
            answer_refuse_length(exchange, wanted->prompts[i].count, field);
            return;
        }
    struct answer *answer = make(exchange, wanted, field);
    if (!answer)
        return;
    enum submit_error error = submit(answer);
    if (error) {
        release(answer);
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
        send(answer, &body);
    }
}
