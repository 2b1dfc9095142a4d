/* The inference engine: jobs (generations and embeddings) that share the forward pass. Each step of
 * it has rows of as many jobs as there are; jobs join and leave between steps
 * (engine/scheduler.h says who is in the next one). What a job yields does not depend on the
 * others.
 *
 * engine_poll works in slices, so that the network is never starved. All calls come from the main
 * loop's thread; callbacks are made from engine_poll only, never from inside engine_submit or
 * engine_cancel, and may call both. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampling.h"
#include "text.h"

/* ---- a generation: what goes on from a prompt ---- */

enum generation_end {
    GENERATION_STOP,      /* an end token */
    GENERATION_STOP_TEXT, /* a stop string */
    GENERATION_LENGTH,    /* max_tokens or the context is used up */
    GENERATION_TIME,      /* answer_nanoseconds are */
    GENERATION_FAILED,    /* the model image is damaged */
    GENERATION_NO_MEMORY, /* the heap is exhausted, and text is lost */
    GENERATION_EXPIRED,   /* it waited LIMIT_QUEUE_SECONDS and had no step yet */
};

/* What a generation took so far. The first token of the answer comes out of the prompt's last
 * step. Drafted tokens were guessed and came as rows of their own; those that were what the model
 * says were accepted, and are part of the answer. */
struct generation_figures {
    size_t prompt_tokens, cached_tokens; /* cached: of these, taken from the cache */
    size_t answer_tokens;
    size_t drafted_tokens, accepted_tokens;
    uint64_t queue_nanoseconds;  /* from its submission to its first step */
    uint64_t prompt_nanoseconds; /* from there to the first token */
    uint64_t answer_nanoseconds; /* from there to now, or to the end */
};

/* More of an answer: text, whole UTF-8 characters and nothing of a stop string, that may be empty;
 * and, if the request wants every token, the token that was drawn, with the likelihoods that its
 * sampling asks for. */
struct generation_piece {
    struct text text;
    const struct drawn_token *token; /* null: none */
    const struct generation_figures *figures;
};

struct generation_result {
    enum generation_end end;
    size_t stop; /* GENERATION_STOP_TEXT: which of the request's stops */
    struct generation_figures figures;
};

struct generation_events {
    void (*piece)(void *context, const struct generation_piece *piece);
    /* Of the prompt so many tokens are stored, cached ones included; or null. */
    void (*progress)(void *context, const struct generation_figures *figures, size_t stored);
    /* Nothing was told of it for LIMIT_HEARTBEAT_SECONDS: a client may think that the connection is
     * dead; or null. */
    void (*waits)(void *context);
    /* The last call for this generation. */
    void (*ended)(void *context, const struct generation_result *result);
};

struct generation_request {
    uint64_t client;       /* who asks: clients get equal shares of the engine (http_client) */
    const int32_t *prompt; /* at least one token; copied */
    size_t prompt_tokens;
    size_t max_tokens; /* at least 1; the context bounds it too */
    size_t min_tokens; /* no end token before so many */
    bool ignore_end;   /* no end token at all */
    struct sampling sampling;
    const struct text *stops; /* copied */
    size_t stop_count;
    bool every_token;            /* a piece for each token */
    uint64_t answer_nanoseconds; /* ends it so long after the first token if a line was begun after
                                    one; 0: never */
    bool cache_prompt; /* takes keys and values from the cache where it knows them, and leaves its
                          own */
    bool continues;    /* part of an exchange of which a job was taken: never refused for the
                          queue's sake */
    const struct generation_events *events; /* must outlive the generation */
    void *context;
};

/* ---- an embedding: the mean of a text's final hidden states, of unit length ---- */

struct pooling_request {
    uint64_t client;
    const int32_t *tokens; /* at least one; copied */
    size_t token_count;
    /* The last call: as many floats as the model is wide, or null if it failed or expired. */
    void (*done)(void *context, const float *vector);
    void *context;
    bool continues; /* as above */
};

/* ---- the engine ---- */

enum submit_error {
    SUBMIT_OK,
    SUBMIT_LOADING,
    SUBMIT_QUEUE_FULL, /* LIMIT_PENDING_REQUESTS wait */
    SUBMIT_SHARE_FULL, /* more of this client's wait than the queue has room left */
    SUBMIT_TOO_LONG,   /* prompt and one answer token exceed the context */
    SUBMIT_NO_MEMORY
};

struct job; /* one queued or running request; owned by the engine */

/* Takes the model image (null start: there was none) and memory for the KV cache. Whatever is
 * wrong is logged; the engine then stays in ENGINE_FAILED and the server still answers. `guesses`:
 * whether tokens are guessed and verified together, which answers do not depend on. */
void engine_start(bool guesses);

bool engine_guesses(void);

enum engine_state { ENGINE_LOADING, ENGINE_READY, ENGINE_FAILED };
enum engine_state engine_state(void);

/* Tokens that prompt and answer may have together. */
size_t engine_context(void);

/* Queues a request. On SUBMIT_OK *job may be passed to engine_cancel until its last callback. */
enum submit_error engine_submit(const struct generation_request *request, struct job **job);
enum submit_error engine_embed(const struct pooling_request *request, struct job **job);

/* Forgets a job; none of its callbacks follows. */
void engine_cancel(struct job *job);

/* Seconds after which a refused request may well be taken: for Retry-After. */
unsigned engine_retry_seconds(void);

/* The jobs that have a place in the batch; `running` of them at most LIMIT_SEQUENCES. */
struct engine_slot {
    bool busy;
    uint64_t job; /* jobs are counted from 1 */
    bool embeds;
    size_t prompt_tokens, stored, answer_tokens;
    size_t token_limit; /* most that prompt and answer may have */
    struct sampling sampling;
};

/* What place `index` of LIMIT_SEQUENCES holds. */
struct engine_slot engine_slot(size_t index);

/* Does the next slice of work (about one layer). False if there is nothing to do. */
bool engine_poll(void);
