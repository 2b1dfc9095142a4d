/* What requests say of answers, checked against the appliance; and refusals. */
#include <stdio.h>

#include "answer.h"
#include "appliance.h"

static void set_stops(struct answer *answer, const struct stop *stop) {
    bool one = stop->kind == STOP_TEXT;
    answer->generation.stops = one ? &stop->text : stop->texts.items;
    answer->generation.stop_count = one ? 1 : stop->texts.count;
}

bool answer_set_options(struct http_exchange *exchange, struct answer *answer,
                        const struct answer_options *options) {
    if (options->id_slot >= LIMIT_SEQUENCES) {
        http_error(exchange, 400, "invalid_request_error", "id_slot",
                   "'id_slot' must be below the number of slots, %d", LIMIT_SEQUENCES);
        return false;
    }
    answer->slot = options->id_slot;
    answer->streams = options->stream;
    answer->counts = options->has_stream_options && options->stream_options.include_usage;
    answer->tells_tokens = options->return_tokens;
    answer->tells_timings = options->timings_per_token;
    answer->tells_progress = options->return_progress;
    answer->generation.cache_prompt = options->cache_prompt;
    if (options->t_max_predict_ms > 0 && options->t_max_predict_ms < INT64_MAX / 1000000)
        answer->generation.answer_nanoseconds = (uint64_t)options->t_max_predict_ms * 1000000;
    if (options->has_stop)
        set_stops(answer, &options->stop);
    return true;
}

void answer_set_length(struct answer *answer, int64_t most) {
    answer->prompt_only = most == 0;
    answer->generation.max_tokens = most < 0 ? SIZE_MAX : most == 0 ? 1 : (size_t)most;
}

void answer_set_chances(struct answer *answer, size_t likeliest, bool after_the_chain) {
    answer->tells_chances = true;
    answer->generation.sampling.likelihoods = true;
    answer->generation.sampling.likeliest = (uint32_t)likeliest;
    answer->generation.sampling.after_the_chain = after_the_chain;
}

void answer_refuse_length(struct http_exchange *exchange, size_t tokens, const char *field) {
    char more[64];
    snprintf(more, sizeof more, "\"n_prompt_tokens\":%zu,\"n_ctx\":%zu", tokens, engine_context());
    http_error_more(exchange, 400, "exceed_context_size_error", field, more,
                    "'%s' has %zu tokens, which with an answer of one exceed the context of %zu",
                    field, tokens, engine_context());
}

void answer_refuse(struct http_exchange *exchange, enum submit_error error, const char *field) {
    (void)field;
    http_retry_after(exchange, engine_retry_seconds());
    switch (error) {
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
        http_error(exchange, 503, "server_error", NULL, "not enough memory for the request");
    }
}
