/* POST /v1/chat/completions, its count of tokens, and POST /apply-template. */
#include "api/handlers.h"
#include "shared/answer.h"
#include "shared/conversation.h"
#include "shared/join.h"
#include "shared/respond.h"
#include "shared/served_model.h"

static struct chat_chunk head(const struct answer *answer) {
    return (struct chat_chunk){.id = answer_id(answer),
                               .created = (int64_t)answer->created,
                               .model = served_model_name(),
                               .system_fingerprint = served_model_fingerprint(),
                               .usage_is_null = answer->counts};
}

static void opening(struct buffer *body, const struct answer *answer) {
    for (size_t i = 0; i < answer->part_count; i++) {
        struct chat_chunk value = head(answer);
        struct chat_chunk_choice choice = {.index = (int64_t)i,
                                           .delta = {.has_role = true,
                                                     .role = CHAT_DELTA_ROLE_ASSISTANT,
                                                     .has_content = true,
                                                     .content = {"", 0}}};
        value.choices = (struct chat_chunk_choices){&choice, 1};
        chat_chunk_write_event(body, &value);
    }
}

static void event(struct buffer *body, const struct answer_part *part) {
    const struct answer *answer = part->answer;
    struct chat_chunk value = head(answer);
    struct drawn drawn = part->drawn;
    struct chat_chunk_choice choice = {
        .index = (int64_t)part->index,
        .delta = {.has_content = part->text.count > 0, .content = part->text},
        .has_logprobs = answer->tells_chances && drawn.count,
        .logprobs = drawn_logprobs(&drawn),
        .has_tokens = answer->tells_tokens,
        .tokens = {drawn_id, &drawn, drawn.count},
        .has_finish_reason = part->over,
        .finish_reason = answer_finish(part)};
    value.choices = (struct chat_chunk_choices){&choice, 1};
    value.has_timings = answer->tells_timings || (answer_is_last_event(part) && !answer->counts);
    if (value.has_timings)
        value.timings = answer_timings(answer);
    chat_chunk_write_event(body, &value);
}

static void progress(struct buffer *body, const struct answer_part *part, size_t stored) {
    struct chat_chunk value = head(part->answer);
    struct chat_chunk_choice choice = {.index = (int64_t)part->index};
    value.choices = (struct chat_chunk_choices){&choice, 1};
    value.has_prompt_progress = true;
    value.prompt_progress = answer_progress(part, stored);
    chat_chunk_write_event(body, &value);
}

static void closing(struct buffer *body, const struct answer *answer) {
    if (answer->counts) {
        struct chat_chunk value = head(answer);
        value.usage_is_null = false;
        value.has_usage = true;
        value.usage = answer_usage(answer);
        value.has_timings = true;
        value.timings = answer_timings(answer);
        chat_chunk_write_event(body, &value);
    }
    answer_write_done(body);
}

static void whole(struct buffer *body, const struct answer *answer) {
    struct arena *arena = http_arena(answer->exchange);
    struct chat_choice *choices = arena_allocate(arena, answer->told_count * sizeof(*choices));
    struct drawn *drawn = arena_allocate(arena, answer->told_count * sizeof(*drawn));
    if (!choices || !drawn) {
        body->failed = true;
        return;
    }
    for (size_t i = 0; i < answer->told_count; i++) {
        const struct answer_part *part = answer->told[i];
        drawn[i] = part->drawn;
        choices[i] = (struct chat_choice){.index = (int64_t)i,
                                          .message = {.content = part->text},
                                          .has_logprobs = answer->tells_chances,
                                          .logprobs = drawn_logprobs(&drawn[i]),
                                          .has_tokens = answer->tells_tokens,
                                          .tokens = {drawn_id, &drawn[i], drawn[i].count},
                                          .finish_reason = answer_finish(part)};
    }
    struct chat_completion value = {.id = answer_id(answer),
                                    .created = (int64_t)answer->created,
                                    .model = served_model_name(),
                                    .system_fingerprint = served_model_fingerprint(),
                                    .choices = {choices, answer->told_count},
                                    .usage = answer_usage(answer),
                                    .timings = answer_timings(answer)};
    chat_completion_write(body, &value);
}

static const struct answer_format format = {.id_prefix = "chatcmpl-",
                                            .opening = opening,
                                            .event = event,
                                            .progress = progress,
                                            .closing = closing,
                                            .whole = whole};

static const char *role_name(enum chat_role role) {
    switch (role) {
    case CHAT_ROLE_USER:
        return "user";
    case CHAT_ROLE_ASSISTANT:
        return "assistant";
    default: /* developer is another name for system */
        return "system";
    }
}

static struct text part_text(const void *parts, size_t index) {
    return ((const struct content_part *)parts)[index].text;
}

/* The content as one text; parts are joined in the arena. Bytes null if memory ran out. */
static struct text content_text(struct arena *arena, const struct request_message *message) {
    if (!message->has_content)
        return (struct text){"", 0};
    if (message->content.kind == MESSAGE_CONTENT_TEXT)
        return message->content.text;
    return join(arena, message->content.parts.count, part_text, message->content.parts.items);
}

static bool turns(struct http_exchange *exchange, const struct request_message *messages,
                  size_t count, struct conversation *conversation) {
    if (!conversation_start(exchange, conversation, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct text content = content_text(http_arena(exchange), &messages[i]);
        if (!content.bytes)
            return prompt_no_memory(exchange);
        conversation_add(conversation, role_name(messages[i].role), content);
    }
    return true;
}

/* Two fields that may each be absent. */
struct ending {
    bool has_add, add, has_continue, continues;
};

static bool set_ending(struct http_exchange *exchange, struct conversation *conversation,
                       const struct ending *ending) {
    bool assistant = conversation_ends_with_assistant(conversation);
    bool opens = !ending->has_add || ending->add;
    if (ending->has_continue && ending->continues) {
        if (ending->has_add && ending->add)
            return prompt_refuse(exchange, "continue_final_message",
                                 "and 'add_generation_prompt' exclude each other");
        if (!assistant)
            return prompt_refuse(exchange, "continue_final_message",
                                 "needs a last message that is the assistant's");
    }
    conversation->goes_on = ending->has_continue ? ending->continues : assistant && opens;
    conversation->unopened = !opens;
    return true;
}

/* What is to be rendered or counted; false if the exchange was answered. */
static bool read_conversation(struct http_exchange *exchange,
                              const struct apply_template_request *request,
                              struct conversation *conversation) {
    struct ending ending = {request->has_add_generation_prompt, request->add_generation_prompt,
                            request->has_continue_final_message, request->continue_final_message};
    return turns(exchange, request->messages.items, request->messages.count, conversation) &&
           set_ending(exchange, conversation, &ending);
}

void handle_count_chat_tokens(struct http_exchange *exchange,
                              const struct apply_template_request *request) {
    struct conversation conversation;
    struct prompt_list list;
    struct buffer body;

    if (!served_model_ready(exchange) || !read_conversation(exchange, request, &conversation) ||
        !conversation_encode(exchange, &conversation, "messages", &list))
        return;
    struct input_count value = {.input_tokens = (int64_t)list.count};
    respond_start(&body);
    input_count_write(&body, &value);
    respond_json(exchange, 200, &body);
}

void handle_apply_template(struct http_exchange *exchange,
                           const struct apply_template_request *request) {
    struct conversation conversation;
    struct buffer text, body;

    if (!read_conversation(exchange, request, &conversation))
        return;
    respond_start(&text);
    if (conversation_render(exchange, &conversation, "messages", &text)) {
        struct applied_template value = {{text.bytes ? text.bytes : "", text.count}};
        respond_start(&body);
        applied_template_write(&body, &value);
        respond_json(exchange, 200, &body);
    }
    buffer_release(&text);
}

static int64_t length_of(const struct chat_request *request) {
    if (request->has_max_completion_tokens)
        return request->max_completion_tokens;
    if (request->has_max_tokens)
        return request->max_tokens;
    return request->has_n_predict ? request->n_predict : -1;
}

void handle_create_chat_completion(struct http_exchange *exchange,
                                   const struct chat_request *request) {
    struct ending ending = {request->has_add_generation_prompt, request->add_generation_prompt,
                            request->has_continue_final_message, request->continue_final_message};
    struct answer wanted = {.format = &format, .prompt_count = 1, .choices = (size_t)request->n};
    struct prompt_list *list = arena_allocate(http_arena(exchange), sizeof(*list));
    struct conversation conversation;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !answer_set_options(exchange, &wanted, &request->answer_options))
        return;
    if (request->top_logprobs && !request->logprobs) {
        prompt_refuse(exchange, "top_logprobs", "needs 'logprobs' to be true");
        return;
    }
    if (!list) {
        prompt_no_memory(exchange);
        return;
    }
    if (!turns(exchange, request->messages.items, request->messages.count, &conversation) ||
        !set_ending(exchange, &conversation, &ending) ||
        !conversation_encode(exchange, &conversation, "messages", list))
        return;
    wanted.prompts = list;
    answer_set_length(&wanted, length_of(request));
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    if (request->logprobs)
        answer_set_chances(&wanted, (size_t)request->top_logprobs, false);
    answer_start(exchange, &wanted, "messages");
}
