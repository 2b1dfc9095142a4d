/* One exchange that embeds texts: some are with the engine together, and their vectors go out in
 * the order of the texts. */
#pragma once

#include "answer.h"
#include "long_answer.h"
#include "prompt.h"

struct embedder {
    /* Appends the item of a text; the vector is of length 1 and as wide as the
     * model, and may be changed. */
    void (*write)(struct buffer *body, const struct embedder *embedder, size_t index,
                  float *vector);
    const void *request; /* the writer's own */
    const struct prompt_list *inputs;
    size_t count;
    const char *field; /* that errors about the texts name */
};

/* Embeds; `frame` is the answer without vectors (long_answer.h), and is taken over. What `wanted`
 * points to must live as long as the exchange. */
void embedder_start(struct http_exchange *exchange, const struct embedder *wanted,
                    struct buffer *frame);
