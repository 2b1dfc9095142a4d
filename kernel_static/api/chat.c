/* POST /v1/chat/completions. */
#include <stdint.h>
#include <string.h>

#include "shared/answer.h"
#include "api/handlers.h"
#include "chat_template.h"
#include "shared/served_model.h"
#include "tokenizer.h"

static struct chat_chunk head(const struct answer *answer) {
    return (struct chat_chunk){.id = answer_id(answer),
                               .created = (int64_t)answer->created,
                               .model = served_model_name(),
                               .usage_is_null = answer->counts};
}

static void opening(struct buffer *body, const struct answer *answer) {
    struct chat_chunk value = head(answer);
    struct chat_chunk_choice choice = {.delta = {.has_role = true,
                                                 .role = CHAT_DELTA_ROLE_ASSISTANT,
                                                 .has_content = true,
                                                 .content = {"", 0}}};
    value.choices = (struct chat_chunk_choices){&choice, 1};
    chat_chunk_write_event(body, &value);
}

static void event(struct buffer *body, const struct answer *answer, const struct text *text,
                  const enum finish_reason *finish) {
    struct chat_chunk value = head(answer);
    struct chat_chunk_choice choice = {0};
    if (text) {
        choice.delta.has_content = text->count > 0;
        choice.delta.content = *text;
        choice.has_finish_reason = finish != NULL;
        choice.finish_reason = finish ? *finish : FINISH_REASON_STOP;
        value.choices = (struct chat_chunk_choices){&choice, 1};
    } else {
        value.usage_is_null = false;
        value.has_usage = true;
        value.usage = answer_usage(answer);
    }
    value.has_timings = answer_is_last_event(answer, text, finish);
    if (value.has_timings)
        value.timings = answer_timings(answer);
    chat_chunk_write_event(body, &value);
}

static void whole(struct buffer *body, const struct answer *answer) {
    const struct answer_part *part = &answer->parts[0];
    struct chat_choice choice = {.message = {.content = {part->text.bytes, part->text.count}},
                                 .finish_reason = part->finish};
    struct chat_completion value = {.id = answer_id(answer),
                                    .created = (int64_t)answer->created,
                                    .model = served_model_name(),
                                    .choices = {&choice, 1},
                                    .usage = answer_usage(answer),
                                    .timings = answer_timings(answer)};
    chat_completion_write(body, &value);
}

static const struct answer_format format = {
    .id_prefix = "chatcmpl-", .opening = opening, .event = event, .whole = whole};

static struct text role_name(enum chat_role role) {
    switch (role) {
    case CHAT_ROLE_USER:
        return (struct text){"user", 4};
    case CHAT_ROLE_ASSISTANT:
        return (struct text){"assistant", 9};
    default: /* developer is another name for system */
        return (struct text){"system", 6};
    }
}

/* The content as one text; parts are joined in the arena. Bytes null if memory ran out. */
static struct text content_text(struct arena *arena, const struct request_message *message) {
    if (!message->has_content)
        return (struct text){"", 0};
    if (message->content.kind == MESSAGE_CONTENT_TEXT)
        return message->content.text;
    const struct message_content_parts *parts = &message->content.parts;
    size_t size = 0, at = 0;
    for (size_t i = 0; i < parts->count; i++)
        size += parts->items[i].text.count;
    char *bytes = arena_allocate(arena, size + 1);
    for (size_t i = 0; bytes && i < parts->count; i++) {
        memcpy(bytes + at, parts->items[i].text.bytes, parts->items[i].text.count);
        at += parts->items[i].text.count;
    }
    return (struct text){bytes, at};
}

/* The conversation's tokens as the answer's one prompt; false if the exchange was answered. */
static bool encode(struct http_exchange *exchange, const struct chat_request *request,
                   struct answer *wanted) {
    struct arena *arena = http_arena(exchange);
    size_t count = request->messages.count, most = engine_context();
    struct chat_message *turns = arena_allocate(arena, count * sizeof(*turns));
    struct prompt_list *list = arena_allocate(arena, sizeof(*list));
    int32_t *tokens = arena_allocate(arena, most * sizeof(*tokens));

    for (size_t i = 0; turns && i < count; i++) {
        const struct request_message *message = &request->messages.items[i];
        turns[i] = (struct chat_message){role_name(message->role), content_text(arena, message)};
        if (!turns[i].content.bytes)
            turns = NULL;
    }
    if (!turns || !list || !tokens) {
        answer_refuse(exchange, SUBMIT_NO_MEMORY, "messages");
        return false;
    }
    const char *why = NULL;
    ptrdiff_t encoded = chat_template_encode(turns, count, true, tokens, most, &why);
    if (encoded == TOKENIZER_NO_MEMORY || encoded == TOKENIZER_TOO_LONG) {
        bool too_long = encoded == TOKENIZER_TOO_LONG;
        answer_refuse(exchange, too_long ? SUBMIT_TOO_LONG : SUBMIT_NO_MEMORY, "messages");
        return false;
    }
    if (encoded < 0) {
        http_error(exchange, 400, "invalid_request_error", "messages",
                   "'messages' do not fit the model's chat template: %s", why);
        return false;
    }
    *list = (struct prompt_list){tokens, (size_t)encoded};
    wanted->prompts = list;
    wanted->prompt_count = 1;
    return true;
}

void handle_create_chat_completion(struct http_exchange *exchange,
                                   const struct chat_request *request) {
    struct answer wanted = {.format = &format};

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) || !encode(exchange, request, &wanted))
        return;
    wanted.generation.max_tokens = SIZE_MAX;
    if (request->has_max_completion_tokens)
        wanted.generation.max_tokens = (size_t)request->max_completion_tokens;
    else if (request->has_max_tokens)
        wanted.generation.max_tokens = (size_t)request->max_tokens;
    answer_set_options(&wanted, &request->answer_options);
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    answer_start(exchange, &wanted, "messages");
}
