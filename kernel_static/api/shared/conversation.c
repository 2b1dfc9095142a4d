/* Turns to the chat template, and what goes wrong there. */
#include "conversation.h"

#include <string.h>

#include "answer.h"
#include "tokenizer.h"

bool conversation_start(struct http_exchange *exchange, struct conversation *conversation,
                        size_t most) {
    *conversation = (struct conversation){
        .turns = arena_allocate(http_arena(exchange), most * sizeof(struct chat_message))};
    return conversation->turns || prompt_no_memory(exchange);
}

void conversation_add(struct conversation *conversation, const char *role, struct text content) {
    conversation->turns[conversation->count++] =
        (struct chat_message){{role, strlen(role)}, content};
}

bool conversation_ends_with_assistant(const struct conversation *conversation) {
    return conversation->count &&
           text_is(conversation->turns[conversation->count - 1].role, "assistant");
}

static struct chat chat_of(const struct conversation *conversation) {
    struct chat chat = {.messages = conversation->turns,
                        .count = conversation->count,
                        .add_generation_prompt = !conversation->unopened};
    if (conversation->goes_on) {
        chat.count--;
        chat.begun = conversation->turns[chat.count].content;
        chat.add_generation_prompt = true;
    }
    return chat;
}

static bool refuse(struct http_exchange *exchange, const char *field, const char *why) {
    http_error(exchange, 400, "invalid_request_error", field,
               "'%s' do not fit the model's chat template: %s", field, why);
    return false;
}

/* Drops the oldest turn that is not the system's; false if only the last is left. */
static bool forget(struct conversation *conversation) {
    size_t at = 0;
    while (at < conversation->count && text_is(conversation->turns[at].role, "system"))
        at++;
    if (at + 1 >= conversation->count)
        return false;
    for (conversation->count--; at < conversation->count; at++)
        conversation->turns[at] = conversation->turns[at + 1];
    return true;
}

static ptrdiff_t encode(const struct conversation *conversation, int32_t *tokens, size_t most,
                        const char **why) {
    struct chat chat = chat_of(conversation);
    return chat_template_encode(&chat, tokens, most, why);
}

bool conversation_encode(struct http_exchange *exchange, struct conversation *conversation,
                         const char *field, struct prompt_list *list) {
    struct arena *arena = http_arena(exchange);
    size_t most = engine_context() - 1, room = most * sizeof(int32_t);
    int32_t *tokens = arena_allocate(arena, room);
    const char *why = NULL;

    if (!tokens)
        return prompt_no_memory(exchange);
    ptrdiff_t count = encode(conversation, tokens, most, &why);
    while (count == TOKENIZER_TOO_LONG && conversation->forgets && forget(conversation))
        count = encode(conversation, tokens, most, &why);
    if (count == TOKENIZER_TOO_LONG) {
        count = encode(conversation, NULL, 0, &why);
        if (count >= 0) {
            answer_refuse_length(exchange, (size_t)count, field);
            return false;
        }
    }
    if (count == TOKENIZER_NO_MEMORY)
        return prompt_no_memory(exchange);
    if (count < 0)
        return refuse(exchange, field, why);
    if (count == 0)
        return prompt_refuse(exchange, field, "are nothing in the model's chat template");
    size_t used = (size_t)count * sizeof(int32_t);
    *list = (struct prompt_list){arena_resize(arena, tokens, room, used), (size_t)count};
    return true;
}

bool conversation_render(struct http_exchange *exchange, const struct conversation *conversation,
                         const char *field, struct buffer *out) {
    struct chat chat = chat_of(conversation);
    const char *why = NULL;
    if (chat_template_render(&chat, out, &why))
        return true;
    return out->failed ? prompt_no_memory(exchange) : refuse(exchange, field, why);
}
