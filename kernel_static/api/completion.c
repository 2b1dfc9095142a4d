/* POST /completion, as llama.cpp's server answers it. */
#include "api/handlers.h"
#include "shared/answer.h"
#include "shared/response_fields.h"
#include "shared/served_model.h"

static enum stop_type stop_type_of(const struct answer_part *part) {
    switch (part->end) {
    case GENERATION_STOP:
        return STOP_TYPE_EOS;
    case GENERATION_STOP_TEXT:
        return STOP_TYPE_WORD;
    default:
        return STOP_TYPE_LIMIT;
    }
}

static int64_t length_of(const struct native_request *request) {
    if (request->has_n_predict)
        return request->n_predict;
    return request->has_max_tokens ? request->max_tokens : -1;
}

/* What was asked for, as the answer says it; the seed is the one that was taken. */
static struct generation_settings settings_of(const struct answer_part *part) {
    const struct native_request *request = part->answer->request;
    const struct generation_request *generation = &part->answer->generation;
    struct generation_settings settings = {
        .n_predict = length_of(request),
        .max_tokens = length_of(request),
        .stop = {generation->stops, generation->stop_count},
        .stream = part->answer->streams,
        .n_probs = request->n_probs,
        .post_sampling_probs = request->post_sampling_probs,
        .timings_per_token = part->answer->tells_timings,
        .sampling_options = sampling_options_told(part->answer, &request->sampling_options)};
    settings.sampling_options.seed += (int64_t)(part->index % part->answer->candidates);
    return settings;
}

static bool native_answer_of(const struct answer_part *part, struct drawn *drawn,
                             struct native_answer *value) {
    const struct answer *answer = part->answer;
    *value =
        (struct native_answer){.index = (int64_t)part->index,
                               .content = part->text,
                               .tokens = {drawn_id, drawn, answer->tells_tokens ? drawn->count : 0},
                               .model = served_model_name(),
                               .system_fingerprint = served_model_fingerprint(),
                               .id_slot = answer->slot,
                               .tokens_predicted = (int64_t)part->figures.answer_tokens,
                               .tokens_evaluated = (int64_t)part->figures.prompt_tokens,
                               .generation_settings = settings_of(part),
                               .prompt = prompt_text(answer->exchange, part->prompt),
                               .has_new_line = part->has_new_line,
                               .stop_type = stop_type_of(part),
                               .stopping_word = part->stopped_by,
                               .tokens_cached = (int64_t)part->figures.cached_tokens,
                               .timings = answer_part_timings(part),
                               .has_completion_probabilities = answer->tells_chances,
                               .completion_probabilities = {drawn_chance, drawn, drawn->count}};
    return value->prompt.bytes;
}

/* Appends an answer, of which `response_fields` may want only some. */
static void write_one(struct buffer *body, const struct answer_part *part) {
    const struct native_request *request = part->answer->request;
    struct drawn drawn = part->drawn;
    struct native_answer value;
    if (!native_answer_of(part, &drawn, &value)) {
        body->failed = true;
        return;
    }
    if (!request->response_fields.count) {
        native_answer_write(body, &value);
        return;
    }
    struct buffer all;
    buffer_start(&all, body->limit);
    native_answer_write(&all, &value);
    body->failed |= all.failed;
    if (!all.failed)
        response_fields_write(body, (struct text){all.bytes, all.count},
                              request->response_fields.items, request->response_fields.count);
    buffer_release(&all);
}

static void event(struct buffer *body, const struct answer_part *part) {
    const struct answer *answer = part->answer;
    struct drawn drawn = part->drawn;
    if (part->over) {
        json_write_raw(body, "data: ");
        write_one(body, part);
        json_write_raw(body, "\n\n");
        return;
    }
    struct native_event value = {.index = (int64_t)part->index,
                                 .content = part->text,
                                 .tokens = {drawn_id, &drawn, drawn.count},
                                 .id_slot = answer->slot,
                                 .tokens_predicted = (int64_t)part->figures.answer_tokens,
                                 .tokens_evaluated = (int64_t)part->figures.prompt_tokens,
                                 .has_timings = answer->tells_timings,
                                 .timings = answer_part_timings(part),
                                 .has_completion_probabilities = answer->tells_chances,
                                 .completion_probabilities = {drawn_chance, &drawn, drawn.count}};
    native_event_write_event(body, &value);
}

static void progress(struct buffer *body, const struct answer_part *part, size_t stored) {
    struct native_event value = {.index = (int64_t)part->index,
                                 .content = {"", 0},
                                 .tokens = {drawn_id, NULL, 0},
                                 .id_slot = part->answer->slot,
                                 .tokens_evaluated = (int64_t)part->figures.prompt_tokens,
                                 .has_prompt_progress = true,
                                 .prompt_progress = answer_progress(part, stored)};
    native_event_write_event(body, &value);
}

static void closing(struct buffer *body, const struct answer *answer) {
    (void)body; /* each part's last event said so */
    (void)answer;
}

static void whole(struct buffer *body, const struct answer *answer) {
    bool first = true, several = answer->told_count > 1;
    json_write_raw(body, several ? "[" : "");
    for (size_t i = 0; i < answer->told_count; i++) {
        json_write_comma(body, &first);
        write_one(body, answer->told[i]);
    }
    json_write_raw(body, several ? "]" : "");
}

static const struct answer_format format = {
    .id_prefix = "cmpl-", .event = event, .progress = progress, .closing = closing, .whole = whole};

void handle_native_completion(struct http_exchange *exchange,
                              const struct native_request *request) {
    struct answer wanted = {.format = &format,
                            .request = request,
                            .choices =
                                (size_t)(request->n_cmpl > 1 ? request->n_cmpl : request->n)};

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !answer_set_options(exchange, &wanted, &request->answer_options) ||
        !prompt_native_lists(exchange, &request->prompt, "prompt", &wanted.prompts,
                             &wanted.prompt_count))
        return;
    answer_set_length(&wanted, length_of(request));
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    if (request->n_probs)
        answer_set_chances(&wanted, (size_t)request->n_probs, request->post_sampling_probs);
    wanted.tells_tokens |= wanted.streams;
    answer_start(exchange, &wanted, "prompt");
}
