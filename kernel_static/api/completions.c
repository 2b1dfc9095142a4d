/* POST /v1/completions. */
#include "shared/answer.h"
#include "api/handlers.h"
#include "shared/served_model.h"

static struct completion head(const struct answer *answer) {
    return (struct completion){.id = answer_id(answer),
                               .created = (int64_t)answer->created,
                               .model = served_model_name(),
                               .usage_is_null = answer->counts};
}

static void event(struct buffer *body, const struct answer *answer, const struct text *text,
                  const enum finish_reason *finish) {
    struct completion value = head(answer);
    struct completion_choice choice = {.index = (int64_t)answer->current};
    if (text) {
        choice.text = *text;
        choice.has_finish_reason = finish != NULL;
        choice.finish_reason = finish ? *finish : FINISH_REASON_STOP;
        value.choices = (struct completion_choices){&choice, 1};
    } else {
        value.usage_is_null = false;
        value.has_usage = true;
        value.usage = answer_usage(answer);
    }
    value.has_timings = answer_is_last_event(answer, text, finish);
    if (value.has_timings)
        value.timings = answer_timings(answer);
    completion_write_event(body, &value);
}

static void whole(struct buffer *body, const struct answer *answer) {
    struct completion value = head(answer);
    struct completion_choice *choices =
        arena_allocate(http_arena(answer->exchange), answer->prompt_count * sizeof(*choices));
    if (!choices) {
        body->failed = true;
        return;
    }
    for (size_t i = 0; i < answer->prompt_count; i++) {
        const struct answer_part *part = &answer->parts[i];
        choices[i] = (struct completion_choice){.index = (int64_t)i,
                                                .text = {part->text.bytes, part->text.count},
                                                .has_finish_reason = true,
                                                .finish_reason = part->finish};
    }
    value.choices = (struct completion_choices){choices, answer->prompt_count};
    value.usage_is_null = false;
    value.has_usage = true;
    value.usage = answer_usage(answer);
    value.has_timings = true;
    value.timings = answer_timings(answer);
    completion_write(body, &value);
}

static const struct answer_format format = {.id_prefix = "cmpl-", .event = event, .whole = whole};

void handle_create_completion(struct http_exchange *exchange,
                              const struct completion_request *request) {
    struct answer wanted = {.format = &format};

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !prompt_lists(exchange, &request->prompt, "prompt", &wanted.prompts, &wanted.prompt_count))
        return;
    wanted.generation.max_tokens = (size_t)request->max_tokens;
    answer_set_options(&wanted, &request->answer_options);
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    answer_start(exchange, &wanted, "prompt");
}
