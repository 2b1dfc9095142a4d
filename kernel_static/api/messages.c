/* POST /v1/messages and POST /v1/messages/count_tokens. */
#include "api/handlers.h"
#include "shared/answer.h"
#include "shared/conversation.h"
#include "shared/join.h"
#include "shared/respond.h"
#include "shared/served_model.h"

static struct message_usage usage_of(const struct answer *answer) {
    struct usage usage = answer_usage(answer);
    int64_t cached = usage.prompt_tokens_details.cached_tokens;
    return (struct message_usage){.input_tokens = usage.prompt_tokens - cached,
                                  .cache_read_input_tokens = cached,
                                  .output_tokens = usage.completion_tokens};
}

static enum stop_reason reason_of(const struct answer_part *part) {
    switch (part->end) {
    case GENERATION_STOP:
        return STOP_REASON_END_TURN;
    case GENERATION_STOP_TEXT:
        return STOP_REASON_STOP_SEQUENCE;
    default:
        return STOP_REASON_MAX_TOKENS;
    }
}

static struct assistant_message head(const struct answer *answer) {
    return (struct assistant_message){
        .id = answer_id(answer), .model = served_model_name(), .usage = usage_of(answer)};
}

static void opening(struct buffer *body, const struct answer *answer) {
    struct message_start start = {.message = head(answer)};
    start.message.usage.input_tokens = (int64_t)answer->prompts[0].count;
    message_start_write_event(body, &start);
    struct content_block_start block = {.content_block = {.text = {"", 0}}};
    content_block_start_write_event(body, &block);
    ping_write_event(body, &(struct ping){0});
}

static void event(struct buffer *body, const struct answer_part *part) {
    if (part->text.count) {
        struct content_block_delta delta = {.delta = {.text = part->text}};
        content_block_delta_write_event(body, &delta);
    }
    if (!part->over)
        return;
    content_block_stop_write_event(body, &(struct content_block_stop){0});
    bool stopped = part->end == GENERATION_STOP_TEXT;
    struct message_delta end = {.delta = {.stop_reason = reason_of(part),
                                          .has_stop_sequence = stopped,
                                          .stop_sequence = part->stopped_by},
                                .usage = usage_of(part->answer)};
    message_delta_write_event(body, &end);
}

static void closing(struct buffer *body, const struct answer *answer) {
    (void)answer;
    message_stop_write_event(body, &(struct message_stop){0});
}

static void whole(struct buffer *body, const struct answer *answer) {
    const struct answer_part *part = answer->told[0];
    struct answered_block block = {.text = part->text};
    struct assistant_message value = head(answer);
    value.content = (struct assistant_message_content){&block, 1};
    value.has_stop_reason = true;
    value.stop_reason = reason_of(part);
    value.has_stop_sequence = part->end == GENERATION_STOP_TEXT;
    value.stop_sequence = part->stopped_by;
    assistant_message_write(body, &value);
}

static const struct answer_format format = {
    .id_prefix = "msg_", .opening = opening, .event = event, .closing = closing, .whole = whole};

static struct text block_text(const void *blocks, size_t index) {
    return ((const struct text_block *)blocks)[index].text;
}

/* Bytes null if memory ran out. */
static struct text content_text(struct arena *arena, const struct block_content *content) {
    if (content->kind == BLOCK_CONTENT_TEXT)
        return content->text;
    return join(arena, content->blocks.count, block_text, content->blocks.items);
}

/* The tokens of system text and turns; false if the exchange was answered. */
static bool encode(struct http_exchange *exchange, const struct block_content *system,
                   const struct message_turn *turns, size_t count, struct prompt_list *list) {
    struct arena *arena = http_arena(exchange);
    struct conversation conversation;
    if (!conversation_start(exchange, &conversation, count + 1))
        return false;
    for (size_t i = 0; i < count + (system != NULL); i++) {
        const struct message_turn *turn = &turns[i - (system != NULL)];
        bool first = system && i == 0;
        struct text content = content_text(arena, first ? system : &turn->content);
        if (!content.bytes)
            return prompt_no_memory(exchange);
        bool user = !first && turn->role == MESSAGE_ROLE_USER;
        conversation_add(&conversation, first ? "system" : user ? "user" : "assistant", content);
    }
    conversation.goes_on = conversation_ends_with_assistant(&conversation);
    return conversation_encode(exchange, &conversation, "messages", list);
}

void handle_create_message(struct http_exchange *exchange, const struct message_request *request) {
    struct answer wanted = {.format = &format, .prompt_count = 1, .slot = -1};
    struct prompt_list *list = arena_allocate(http_arena(exchange), sizeof(*list));

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange))
        return;
    if (!list) {
        prompt_no_memory(exchange);
        return;
    }
    if (!encode(exchange, request->has_system ? &request->system : NULL, request->messages.items,
                request->messages.count, list))
        return;
    wanted.prompts = list;
    wanted.streams = request->stream;
    wanted.generation.cache_prompt = true;
    if (request->has_stop_sequences) {
        wanted.generation.stops = request->stop_sequences.items;
        wanted.generation.stop_count = request->stop_sequences.count;
    }
    answer_set_length(&wanted, request->max_tokens);
    if (answer_set_sampling(exchange, &wanted, &request->sampling_options))
        answer_start(exchange, &wanted, "messages");
}

void handle_count_message_tokens(struct http_exchange *exchange,
                                 const struct message_count_request *request) {
    struct prompt_list list;
    struct buffer body;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !encode(exchange, request->has_system ? &request->system : NULL, request->messages.items,
                request->messages.count, &list))
        return;
    struct message_count value = {.input_tokens = (int64_t)list.count};
    respond_start(&body);
    message_count_write(&body, &value);
    respond_json(exchange, 200, &body);
}
