/* One request to the model, from submission to its last callback. */
#pragma once

#include <stdbool.h>

#include "clients.h"
#include "draft.h"
#include "engine.h"
#include "kv_cache.h"
#include "sampler.h"
#include "text_stream.h"

struct job {
    uint64_t number; /* jobs are counted from 1 */
    bool embeds;     /* an embedding, not a generation */
    void *context;

    /* what the scheduler goes by */
    struct job *next; /* in the scheduler's list */
    struct client *client;
    uint64_t urgency; /* when it would be done with its prompt, had it been served alone at once */
    uint64_t passed;  /* the scheduler's last plan that looked at it */
    size_t slot;      /* its place in the batch */
    bool running;     /* it has that */
    bool in_step;     /* of the step under way */
    bool cancelled;   /* no callbacks any more; released when its step is over */
    bool ended;       /* had its last callback; likewise */

    int32_t *tokens; /* prompt, then what was generated, then perhaps guesses */
    size_t token_count, token_room;
    size_t prompt_tokens;
    size_t token_limit; /* most that token_count may become */
    size_t stored;      /* positions whose keys and values are in the cache */
    size_t kept;        /* of these, positions in blocks that others may take */
    bool cache_prompt;  /* shares its blocks with other jobs */
    struct block_table table;

    uint64_t submitted, started, prefilled; /* clock_nanoseconds(); 0: not yet */
    uint64_t drawn;                         /* the last token was */
    uint64_t told;                          /* when the client last heard of it */
    struct generation_figures figures;      /* counts; times are set when they are told */

    /* a generation */
    const struct generation_events *events;
    struct sampler sampler;
    size_t min_tokens;
    uint64_t answer_nanoseconds;
    bool ignore_end, every_token;
    bool line_begun; /* after a newline of its own */
    struct drafting drafting;
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

/* Makes room for `more` tokens behind token_count; false when there is no memory. */
bool job_reserve(struct job *job, size_t more);

/* Tokens of which nothing is stored yet. */
static inline size_t job_pending(const struct job *job) { return job->token_count - job->stored; }

/* It draws tokens: all but the last one is stored. */
static inline bool job_decodes(const struct job *job) {
    return !job->embeds && job->token_count > job->prompt_tokens && job_pending(job) == 1;
}
