/* POST /v1/responses and POST /v1/responses/input_tokens. */
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "shared/answer.h"
#include "shared/conversation.h"
#include "shared/join.h"
#include "shared/respond.h"
#include "shared/served_model.h"

/* What a request and its stream need beside the answer; in the exchange's arena. */
struct responding {
    const struct response_request *request;
    int64_t sequence; /* number of the next event */
    bool tells_chances;
    struct response_metadata metadata;
};

static struct responding *responding_of(const struct answer *answer) {
    return (struct responding *)answer->request;
}

/* The turn is named as the answer is. */
static struct text item_id(const struct answer *answer, char name[static 64]) {
    int count = snprintf(name, 64, "msg_%s", answer->id + strlen(answer->format->id_prefix));
    return (struct text){name, (size_t)count};
}

static struct output_text text_of(struct text text, struct drawn *drawn, bool chances) {
    return (struct output_text){.text = text,
                                .logprobs = {drawn_chance, drawn, chances ? drawn->count : 0}};
}

static bool is_whole(const struct answer_part *part) {
    return answer_finish(part) == FINISH_REASON_STOP;
}

static struct response_usage usage_of(const struct answer *answer) {
    struct usage usage = answer_usage(answer);
    return (struct response_usage){
        .input_tokens = usage.prompt_tokens,
        .input_tokens_details = {.cached_tokens = usage.prompt_tokens_details.cached_tokens},
        .output_tokens = usage.completion_tokens,
        .total_tokens = usage.total_tokens};
}

/* The answer as it is; `item` is its turn once that is over. */
static struct response response_of(const struct answer *answer, const struct output_item *item) {
    const struct response_request *request = responding_of(answer)->request;
    bool over = item != NULL, whole = over && item->status == ITEM_STATUS_COMPLETED;
    return (struct response){.id = answer_id(answer),
                             .created_at = (int64_t)answer->created,
                             .status = over ? item->status : ITEM_STATUS_IN_PROGRESS,
                             .has_incomplete_details = over && !whole,
                             .incomplete_details = {RESPONSE_REASON_MAX_OUTPUT_TOKENS},
                             .has_instructions = request->has_instructions,
                             .instructions = request->instructions,
                             .has_max_output_tokens = request->has_max_output_tokens,
                             .max_output_tokens = request->max_output_tokens,
                             .model = served_model_name(),
                             .output = {item, over},
                             .temperature = request->sampling_options.temperature,
                             .top_logprobs = request->has_top_logprobs ? request->top_logprobs : 0,
                             .top_p = request->sampling_options.top_p,
                             .truncation = request->truncation,
                             .has_usage = over,
                             .usage = usage_of(answer),
                             .metadata = responding_of(answer)->metadata,
                             .system_fingerprint = served_model_fingerprint()};
}

static void opening(struct buffer *body, const struct answer *answer) {
    struct responding *state = responding_of(answer);
    char name[64];
    struct drawn none = {0};
    struct response response = response_of(answer, NULL);
    struct response_created created = {state->sequence++, response};
    response_created_write_event(body, &created);
    struct response_in_progress progress = {state->sequence++, response};
    response_in_progress_write_event(body, &progress);
    struct output_item item = {.id = item_id(answer, name), .status = ITEM_STATUS_IN_PROGRESS};
    struct response_output_item_added added = {state->sequence++, item};
    response_output_item_added_write_event(body, &added);
    struct response_content_part_added part = {.sequence_number = state->sequence++,
                                               .item_id = item.id,
                                               .part = text_of((struct text){"", 0}, &none, false)};
    response_content_part_added_write_event(body, &part);
}

/* The events of a part that is over: text, content, turn and answer are done, in this order. */
static void write_end(struct buffer *body, const struct answer_part *part) {
    const struct answer *answer = part->answer;
    struct responding *state = responding_of(answer);
    char name[64];
    struct drawn drawn = part->all_drawn;
    struct text id = item_id(answer, name);
    struct response_output_text_done text = {
        .sequence_number = state->sequence++,
        .item_id = id,
        .text = part->all_text,
        .logprobs = {drawn_chance, &drawn, state->tells_chances ? drawn.count : 0}};
    response_output_text_done_write_event(body, &text);
    struct output_text whole = text_of(part->all_text, &drawn, state->tells_chances);
    struct response_content_part_done content = {state->sequence++, id, whole};
    response_content_part_done_write_event(body, &content);
    struct output_item item = {.id = id,
                               .status =
                                   is_whole(part) ? ITEM_STATUS_COMPLETED : ITEM_STATUS_INCOMPLETE,
                               .content = {&whole, 1}};
    struct response_output_item_done done = {state->sequence++, item};
    response_output_item_done_write_event(body, &done);
    struct response response = response_of(answer, &item);
    if (is_whole(part)) {
        struct response_completed completed = {state->sequence++, response};
        response_completed_write_event(body, &completed);
    } else {
        struct response_incomplete incomplete = {state->sequence++, response};
        response_incomplete_write_event(body, &incomplete);
    }
}

static void event(struct buffer *body, const struct answer_part *part) {
    struct responding *state = responding_of(part->answer);
    struct drawn drawn = part->drawn;
    char name[64];
    if (part->text.count || (state->tells_chances && drawn.count)) {
        struct response_output_text_delta delta = {
            .sequence_number = state->sequence++,
            .item_id = item_id(part->answer, name),
            .delta = part->text,
            .logprobs = {drawn_chance, &drawn, state->tells_chances ? drawn.count : 0}};
        response_output_text_delta_write_event(body, &delta);
    }
    if (part->over)
        write_end(body, part);
}

static void closing(struct buffer *body, const struct answer *answer) {
    (void)body; /* the last event said so */
    (void)answer;
}

static void whole(struct buffer *body, const struct answer *answer) {
    const struct answer_part *part = answer->told[0];
    char name[64];
    struct drawn drawn = part->drawn;
    struct output_text text = text_of(part->text, &drawn, responding_of(answer)->tells_chances);
    struct output_item item = {.id = item_id(answer, name),
                               .status =
                                   is_whole(part) ? ITEM_STATUS_COMPLETED : ITEM_STATUS_INCOMPLETE,
                               .content = {&text, 1}};
    struct response response = response_of(answer, &item);
    response_write(body, &response);
}

static const struct answer_format format = {
    .id_prefix = "resp_", .opening = opening, .event = event, .closing = closing, .whole = whole};

static struct text part_text(const void *parts, size_t index) {
    return ((const struct input_part *)parts)[index].text;
}

static const char *role_name(enum input_role role) {
    switch (role) {
    case INPUT_ROLE_USER:
        return "user";
    case INPUT_ROLE_ASSISTANT:
        return "assistant";
    default: /* developer is another name for system */
        return "system";
    }
}

/* The tokens of instructions (bytes null: none) and input; false if the exchange was answered. */
static bool encode(struct http_exchange *exchange, struct text instructions,
                   const struct response_input *input, enum truncation truncation,
                   struct prompt_list *list) {
    bool several = input->kind == RESPONSE_INPUT_ITEMS;
    struct conversation conversation;
    if (!conversation_start(exchange, &conversation, (several ? input->items.count : 1) + 1))
        return false;
    if (instructions.bytes)
        conversation_add(&conversation, "system", instructions);
    if (!several)
        conversation_add(&conversation, "user", input->text);
    for (size_t i = 0; several && i < input->items.count; i++) {
        const struct input_item *item = &input->items.items[i];
        const struct input_content *content = &item->content;
        struct text text =
            content->kind == INPUT_CONTENT_TEXT
                ? content->text
                : join(http_arena(exchange), content->parts.count, part_text, content->parts.items);
        if (!text.bytes)
            return prompt_no_memory(exchange);
        conversation_add(&conversation, role_name(item->role), text);
    }
    conversation.forgets = truncation == TRUNCATION_AUTO;
    return conversation_encode(exchange, &conversation, "input", list);
}

/* Metadata come back as they were; false if there is no memory for them. */
static bool take_metadata(struct arena *arena, const struct response_request *request,
                          struct response_metadata *metadata) {
    size_t count = request->has_metadata ? request->metadata.count : 0;
    struct response_metadata_entry *items = arena_allocate(arena, count * sizeof(*items));
    for (size_t i = 0; items && i < count; i++)
        items[i] = (struct response_metadata_entry){request->metadata.items[i].key,
                                                    request->metadata.items[i].value};
    *metadata = (struct response_metadata){items, count};
    return items;
}

static bool asks_for_chances(const struct response_request *request) {
    bool asks = request->has_top_logprobs;
    for (size_t i = 0; request->has_include && i < request->include.count; i++)
        asks |= request->include.items[i] == INCLUDED_MESSAGE_OUTPUT_TEXT_LOGPROBS;
    return asks;
}

void handle_create_response(struct http_exchange *exchange,
                            const struct response_request *request) {
    struct arena *arena = http_arena(exchange);
    struct responding *state = arena_allocate(arena, sizeof(*state));
    struct prompt_list *list = arena_allocate(arena, sizeof(*list));
    struct text instructions = request->has_instructions ? request->instructions : (struct text){0};

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange))
        return;
    struct response_metadata metadata;
    if (!state || !list || !take_metadata(arena, request, &metadata)) {
        prompt_no_memory(exchange);
        return;
    }
    if (!encode(exchange, instructions, &request->input, request->truncation, list))
        return;
    *state = (struct responding){
        .request = request, .tells_chances = asks_for_chances(request), .metadata = metadata};
    struct answer wanted = {.format = &format,
                            .request = state,
                            .slot = -1,
                            .prompts = list,
                            .prompt_count = 1,
                            .streams = request->stream,
                            .keeps_all = request->stream,
                            .generation = {.cache_prompt = true}};
    answer_set_length(&wanted, request->has_max_output_tokens ? request->max_output_tokens : -1);
    if (!answer_set_sampling(exchange, &wanted, &request->sampling_options))
        return;
    if (state->tells_chances)
        answer_set_chances(&wanted, request->has_top_logprobs ? (size_t)request->top_logprobs : 0,
                           false);
    answer_start(exchange, &wanted, "input");
}

void handle_count_input_tokens(struct http_exchange *exchange,
                               const struct input_count_request *request) {
    struct text instructions = request->has_instructions ? request->instructions : (struct text){0};
    struct prompt_list list;
    struct buffer body;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !encode(exchange, instructions, &request->input, request->truncation, &list))
        return;
    struct input_count value = {.input_tokens = (int64_t)list.count};
    respond_start(&body);
    input_count_write(&body, &value);
    respond_json(exchange, 200, &body);
}
