/* Cuts text into the pieces inside which byte-pair merges happen. Implemented by generated code
 * in generated/models/<model>/pretokenizer.c, from the rules that the model's spec names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Takes one piece, which is never empty; false stops the cutting. */
struct pretokenizer_sink {
    bool (*piece)(void *context, const char *bytes, size_t count);
    void *context;
};

/* Hands every piece of valid UTF-8 to the sink, in order; together they are all of the text.
 * False if the sink stopped it. */
bool pretokenizer_split(const char *bytes, size_t count, const struct pretokenizer_sink *sink);
