/* Items as they come, between the two halves of a frame. */
#include "long_answer.h"

#include "json.h"

#define PENDING_BYTES ((size_t)16 << 10) /* are sent together */
#define ITEM_LIMIT ((size_t)1 << 20)

void long_answer_start(struct long_answer *answer, struct http_exchange *exchange,
                       struct buffer *frame) {
    *answer = (struct long_answer){.exchange = exchange, .frame = *frame};
    buffer_start(&answer->pending, PENDING_BYTES + ITEM_LIMIT);
    for (size_t i = 1; i < frame->count && !answer->opening; i++)
        if (frame->bytes[i - 1] == '[' && frame->bytes[i] == ']')
            answer->opening = i;
    answer->pending.failed = frame->failed || !answer->opening;
    if (!answer->pending.failed)
        buffer_append(&answer->pending, frame->bytes, answer->opening);
}

void long_answer_release(struct long_answer *answer) {
    buffer_release(&answer->pending);
    buffer_release(&answer->frame);
    answer->over = true;
}

struct buffer *long_answer_next(struct long_answer *answer) {
    if (answer->any)
        json_write_raw(&answer->pending, ",");
    answer->any = true;
    return &answer->pending;
}

/* Sends all that is pending; false if that ended the answer. */
static bool send(struct long_answer *answer) {
    if (answer->pending.failed) {
        long_answer_fail(answer, 503, "not enough memory for the response");
        return false;
    }
    if (!answer->begun)
        http_stream_start(answer->exchange, 200, "application/json");
    answer->begun = true;
    if (!http_stream_write(answer->exchange, answer->pending.bytes, answer->pending.count)) {
        long_answer_release(answer);
        return false;
    }
    buffer_clear(&answer->pending);
    return true;
}

bool long_answer_flush(struct long_answer *answer) {
    bool worth = answer->pending.failed || answer->pending.count >= PENDING_BYTES;
    return !worth || send(answer);
}

bool long_answer_waits(const struct long_answer *answer) {
    return answer->begun && http_stream_backlog(answer->exchange) > 0;
}

void long_answer_end(struct long_answer *answer) {
    if (!answer->pending.failed)
        buffer_append(&answer->pending, answer->frame.bytes + answer->opening,
                      answer->frame.count - answer->opening);
    if (answer->begun || answer->pending.failed) {
        if (!send(answer))
            return;
        http_stream_end(answer->exchange);
    } else {
        http_respond(answer->exchange, 200, "application/json", answer->pending.bytes,
                     answer->pending.count);
    }
    long_answer_release(answer);
}

void long_answer_fail(struct long_answer *answer, unsigned status, const char *message) {
    if (answer->begun)
        http_stream_cut(answer->exchange);
    else
        http_error(answer->exchange, status, "server_error", NULL, "%s", message);
    long_answer_release(answer);
}
