/* One request to the model, from submission to its last callback. */
#pragma once

#include <stdbool.h>

#include "engine.h"
#include "kv_cache.h"
#include "sampler.h"
#include "text_stream.h"

struct job {
    struct job *next; /* queue order */
    bool cancelled;   /* no callbacks any more; released when its step is over */
    bool embeds;      /* an embedding, not a generation */
    bool begun;       /* it had a step */
    void *context;

    int32_t *tokens;    /* prompt, then what was generated */
    size_t token_count; /* in `tokens` now */
    size_t prompt_tokens;
    size_t token_limit;   /* most that `tokens` may hold */
    size_t stored;        /* positions whose keys and values are in the cache */
    bool cache_prompt;    /* shares its blocks with other jobs, before and after */
    size_t cached_tokens; /* of `stored`, positions that earlier jobs computed */
    struct block_table table;
    uint64_t started, prefilled; /* clock_nanoseconds(); prefilled 0: not yet */

    /* a generation */
    const struct generation_events *events;
    struct sampling sampling;
    struct random_state random;
    struct text *stops; /* one block with the bytes behind the array */
    struct text_stream stream;
    struct buffer ready; /* text to hand over */

    /* an embedding */
    void (*done)(void *context, const float *vector);
    float *sum;
};

/* Null when there is no memory. */
struct job *job_new_generation(const struct generation_request *request, size_t token_limit);
struct job *job_new_embedding(const struct pooling_request *request);
void job_release(struct job *job);
