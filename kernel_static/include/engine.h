/* The inference engine: a queue of generations, run one at a time through the forward pass in
 * slices (one stage per engine_poll) so that the network is never starved.
 *
 * All calls come from the main loop's thread; callbacks are made from engine_poll only, never
 * from inside engine_submit or engine_cancel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampling.h"
#include "text.h"

enum generation_end {
    GENERATION_STOP,      /* an end token or a stop string */
    GENERATION_LENGTH,    /* max_tokens or the context is used up */
    GENERATION_FAILED,    /* the model image is damaged or the KV cache is exhausted */
    GENERATION_NO_MEMORY, /* the heap is exhausted, and text is lost */
};

/* What a generation took. The first token of the answer comes out of the prompt's last step. */
struct generation_figures {
    size_t prompt_tokens, cached_tokens; /* cached: of these, taken from the cache */
    size_t answer_tokens;
    uint64_t prompt_nanoseconds; /* from its first step to the first token */
    uint64_t answer_nanoseconds; /* from the first token to the end */
};

struct generation_events {
    /* More text: whole UTF-8 characters, nothing of a stop string. */
    void (*text)(void *context, const char *bytes, size_t count);
    /* The last call for this generation. */
    void (*ended)(void *context, enum generation_end end, const struct generation_figures *figures);
};

struct generation_request {
    const int32_t *prompt; /* at least one token; copied */
    size_t prompt_tokens;
    size_t max_tokens; /* at least 1; the context bounds it too */
    struct sampling sampling;
    const struct text *stops; /* copied */
    size_t stop_count;
    const struct generation_events *events; /* must outlive the generation */
    void *context;
    bool cache_prompt; /* takes keys and values from the cache where it knows them, and leaves its
                          own */
    bool continues;    /* part of an exchange whose first job was taken: never SUBMIT_QUEUE_FULL */
};

/* Asks for the pooled embedding of a text: the mean of its final hidden states, of unit length.
 * `done` gets as many floats as the model is wide, or null if it failed. */
struct pooling_request {
    const int32_t *tokens; /* at least one; copied */
    size_t token_count;
    void (*done)(void *context, const float *vector);
    void *context;
    bool continues; /* as above */
};

enum submit_error {
    SUBMIT_OK,
    SUBMIT_LOADING,
    SUBMIT_QUEUE_FULL,
    SUBMIT_TOO_LONG,
    SUBMIT_NO_MEMORY
};

struct job; /* one queued or running request; owned by the engine */

/* Takes the model image (null start: there was none) and memory for the KV cache. Whatever is
 * wrong is logged; the engine then stays in ENGINE_FAILED and the server still answers. */
void engine_start(void);

enum engine_state { ENGINE_LOADING, ENGINE_READY, ENGINE_FAILED };
enum engine_state engine_state(void);

/* Tokens that prompt and answer may have together. */
size_t engine_context(void);

/* Queues a request. On SUBMIT_OK *job may be passed to engine_cancel until its last callback. */
enum submit_error engine_submit(const struct generation_request *request, struct job **job);
enum submit_error engine_embed(const struct pooling_request *request, struct job **job);

/* Forgets a job; none of its callbacks follows. */
void engine_cancel(struct job *job);

/* Does the next slice of work (about one layer). False if there is nothing to do. */
bool engine_poll(void);
