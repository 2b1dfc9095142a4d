/* What takes the pieces into which a model's `split` (model.h) cuts a text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Takes one piece, which is never empty; false stops the cutting. */
struct pretokenizer_sink {
    bool (*piece)(void *context, const char *bytes, size_t count);
    void *context;
};
