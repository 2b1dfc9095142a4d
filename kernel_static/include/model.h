/* A model is a value: generated code describes each one (and each type of its KV cache) by a const
 * struct, and the engine takes all that it knows of a model from there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_run;          /* chat_text.h */
struct forward_pass;      /* forward_pass.h */
struct kernel_set;        /* kernels.h */
struct pretokenizer_sink; /* pretokenizer.h */

/* How a vocabulary merges, numbered as llama.cpp numbers its types. */
enum vocabulary_type { VOCABULARY_SENTENCEPIECE = 1, VOCABULARY_BYTE_PAIRS = 2 };

struct language_model {
    const char *name;
    const char *file;          /* from which the weights were packed */
    const char *chat_template; /* Jinja, as the model came with it */
    uint64_t parameters;       /* numbers in its weights */
    enum vocabulary_type vocabulary_type;
    size_t layers, width, vocabulary, context;
    int32_t bos, eos; /* tokens that begin a text (-1: none) and end an answer */
    bool add_bos;     /* a bare text wants bos before it (a chat template writes its own) */

    size_t step_rows;   /* most rows of one step */
    size_t step_logits; /* most of them that may want logits */

    /* A KV block: keys and values of all layers for so many positions of one sequence. */
    size_t block_tokens, block_bytes;

    size_t weight_bytes;     /* of the packed image's "weights" section */
    size_t activation_bytes; /* of one step */
    uint8_t fingerprint[32]; /* SHA-256 of names, types, shapes and offsets in that section: an
                                image packed for other code is refused */

    const struct forward_pass *pass;

    /* Cuts text into the pieces inside which byte-pair merges happen: hands every piece of valid
     * UTF-8 to the sink, in order; together they are all of the text. False if the sink stopped
     * it. */
    bool (*split)(const char *bytes, size_t count, const struct pretokenizer_sink *sink);

    /* The chat template. Writes through run->write; what was written counts only if run->error is
     * null afterwards. */
    void (*write_chat)(struct chat_run *run);
};

/* What this image serves, generated for each appliance and target: the model, and the sets of
 * kernels that it carries for it, least capable first, with a null behind the last. */
extern const struct language_model *const served_model;
extern const struct kernel_set *const served_kernel_sets[];
