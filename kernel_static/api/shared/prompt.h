/* A request's `prompt` or `input` as lists of tokens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/generation.h"
#include "http.h"

struct prompt_list {
    const int32_t *tokens;
    size_t count;
};

/* Encodes text and checks token ids. *lists comes from the exchange's arena. On failure answers
 * the exchange with an error about `field` and returns false. */
bool prompt_lists(struct http_exchange *exchange, const struct prompt *prompt, const char *field,
                  const struct prompt_list **lists, size_t *count);
