/* A request's `prompt` or `input` as lists of tokens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/generation.h"
#include "http.h"

struct native_prompt; /* api/completion.h */

struct prompt_list {
    const int32_t *tokens;
    size_t count;
};

/* Encodes text and checks token ids. *lists comes from the exchange's arena. On failure answers
 * the exchange with an error about `field` and returns false. */
bool prompt_lists(struct http_exchange *exchange, const struct prompt *prompt, const char *field,
                  const struct prompt_list **lists, size_t *count);

/* The same for llama.cpp's prompts (prompt_native.c). */
bool prompt_native_lists(struct http_exchange *exchange, const struct native_prompt *prompt,
                         const char *field, const struct prompt_list **lists, size_t *count);

/* One text, with the token before it that the model wants. */
bool prompt_encode(struct http_exchange *exchange, struct text text, const char *field,
                   struct prompt_list *list);

/* The text that tokens stand for, in the exchange's arena; bytes null if memory ran out. */
struct text prompt_text(struct http_exchange *exchange, const struct prompt_list *list);

/* Each answers the exchange and returns false. */
bool prompt_refuse(struct http_exchange *exchange, const char *field, const char *rule);
bool prompt_no_memory(struct http_exchange *exchange);
