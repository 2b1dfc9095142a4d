/* POST /v1/completions. */
#include <string.h>

#include "api/handlers.h"
#include "shared/answer.h"
#include "shared/served_model.h"

static struct completion head(const struct answer *answer) {
    return (struct completion){.id = answer_id(answer),
                               .created = (int64_t)answer->created,
                               .model = served_model_name(),
                               .system_fingerprint = served_model_fingerprint(),
                               .usage_is_null = answer->counts};
}

/* With `echo`, the text begins with its prompt. Bytes null if memory ran out. */
static struct text text_of(const struct answer_part *part) {
    const struct completion_request *request = part->answer->request;
    if (!request->echo || part->opened)
        return part->text;
    struct text prompt = prompt_text(part->answer->exchange, part->prompt);
    size_t size = prompt.count + part->text.count;
    char *bytes = arena_allocate(http_arena(part->answer->exchange), size + 1);
    if (!bytes || !prompt.bytes)
        return (struct text){NULL, 0};
    memcpy(bytes, prompt.bytes, prompt.count);
    memcpy(bytes + prompt.count, part->text.bytes, part->text.count);
    return (struct text){bytes, size};
}

static bool choice_of(const struct answer_part *part, struct drawn *drawn,
                      struct completion_choice *choice) {
    const struct answer *answer = part->answer;
    *choice = (struct completion_choice){.text = text_of(part),
                                         .index = (int64_t)part->index,
                                         .has_logprobs = answer->tells_chances,
                                         .logprobs = drawn_text_logprobs(drawn),
                                         .has_tokens = answer->tells_tokens,
                                         .tokens = {drawn_id, drawn, drawn->count},
                                         .has_finish_reason = part->over,
                                         .finish_reason = answer_finish(part)};
    return choice->text.bytes;
}

static void event(struct buffer *body, const struct answer_part *part) {
    const struct answer *answer = part->answer;
    struct completion value = head(answer);
    struct completion_choice choice;
    if (!choice_of(part, (struct drawn *)&part->drawn, &choice)) {
        body->failed = true;
        return;
    }
    choice.has_logprobs &= part->drawn.count > 0;
    value.choices = (struct completion_choices){&choice, 1};
    value.has_timings = answer->tells_timings || (answer_is_last_event(part) && !answer->counts);
    if (value.has_timings)
        value.timings = answer_timings(answer);
    completion_write_event(body, &value);
}

static void progress(struct buffer *body, const struct answer_part *part, size_t stored) {
    struct completion value = head(part->answer);
    struct completion_choice choice = {.index = (int64_t)part->index, .text = {"", 0}};
    value.choices = (struct completion_choices){&choice, 1};
    value.has_prompt_progress = true;
    value.prompt_progress = answer_progress(part, stored);
    completion_write_event(body, &value);
}

static void count(struct completion *value, const struct answer *answer) {
    value->usage_is_null = false;
    value->has_usage = true;
    value->usage = answer_usage(answer);
    value->has_timings = true;
    value->timings = answer_timings(answer);
}

static void closing(struct buffer *body, const struct answer *answer) {
    if (answer->counts) {
        struct completion value = head(answer);
        count(&value, answer);
        completion_write_event(body, &value);
    }
    answer_write_done(body);
}

static void whole(struct buffer *body, const struct answer *answer) {
    struct completion value = head(answer);
    struct arena *arena = http_arena(answer->exchange);
    size_t told = answer->told_count;
    struct completion_choice *choices = arena_allocate(arena, told * sizeof(*choices));
    struct drawn *drawn = arena_allocate(arena, told * sizeof(*drawn));
    body->failed |= !choices || !drawn;
    for (size_t i = 0; !body->failed && i < told; i++) {
        drawn[i] = answer->told[i]->drawn;
        body->failed |= !choice_of(answer->told[i], &drawn[i], &choices[i]);
    }
    value.choices = (struct completion_choices){choices, told};
    count(&value, answer);
    if (!body->failed)
        completion_write(body, &value);
}

static const struct answer_format format = {
    .id_prefix = "cmpl-", .event = event, .progress = progress, .closing = closing, .whole = whole};

/* What fields together cannot mean; false if the exchange was answered. */
static bool check(struct http_exchange *exchange, const struct completion_request *request) {
    if (request->echo && request->has_logprobs)
        return prompt_refuse(exchange, "logprobs",
                             "is not supported with 'echo': chances of a prompt's tokens are not "
                             "computed");
    if (request->has_best_of && request->best_of < request->n)
        return prompt_refuse(exchange, "best_of", "must be at least 'n'");
    if (request->has_best_of && request->best_of > request->n && request->answer_options.stream)
        return prompt_refuse(exchange, "best_of",
                             "above 'n' cannot be streamed: the best are known at the end");
    return true;
}

void handle_create_completion(struct http_exchange *exchange,
                              const struct completion_request *request) {
    struct answer wanted = {.format = &format,
                            .request = request,
                            .choices = (size_t)request->n,
                            .candidates = request->has_best_of ? (size_t)request->best_of : 0};

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) || !check(exchange, request) ||
        !answer_set_options(exchange, &wanted, &request->answer_options) ||
        !prompt_lists(exchange, &request->prompt, "prompt", &wanted.prompts, &wanted.prompt_count))
        return;
    answer_set_length(&wanted, request->has_n_predict ? request->n_predict : request->max_tokens);
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    if (request->has_logprobs)
        answer_set_chances(&wanted, (size_t)request->logprobs, false);
    else if (wanted.candidates > wanted.choices)
        wanted.generation.sampling.likelihoods = true;
    answer_start(exchange, &wanted, "prompt");
}
