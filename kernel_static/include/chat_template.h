/* Chats as the model was trained to read them. The template is the model's own (Jinja in its
 * GGUF), compiled to generated/models/<model>/chat_template.c when specs are generated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "text.h"

struct chat_message {
    struct text role, content;
};

struct chat {
    const struct chat_message *messages;
    size_t count;
    bool add_generation_prompt; /* the template ends where the answer begins */
    struct text begun; /* what of the answer is there already, behind the template's text */
};

/* Appends the rendered chat to `out`, byte for byte what jinja2 makes of the same template. False
 * if the template refuses the chat or memory ran out: *error says why (static text), and what
 * `out` then holds is of no use. */
bool chat_template_render(const struct chat *chat, struct buffer *out, const char **error);

/* The tokens of the rendered chat. The template's own markers become special tokens; roles and
 * contents never do: "<|im_end|>" in a message is ordinary text, so a message cannot end its own
 * turn. Without such text in any message, the tokens are exactly those of
 * tokenizer_encode(rendered, true); pieces are cut across the borders between template and
 * messages as they are there. What is not UTF-8 in a message is replaced by U+FFFD.
 * Tokens may be null: they are counted only, however many. Returns the number of tokens,
 * TOKENIZER_TOO_LONG, TOKENIZER_NO_MEMORY, or, if the template refuses the chat,
 * CHAT_TEMPLATE_REFUSES: *error then says why. */
#define CHAT_TEMPLATE_REFUSES (-3)
ptrdiff_t chat_template_encode(const struct chat *chat, int32_t *tokens, size_t capacity,
                               const char **error);
