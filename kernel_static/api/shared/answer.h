/* One exchange that generates text: its prompts run through the engine one after another, and the
 * text goes out at the end, or as server-sent events while it is made. The completions and chat
 * endpoints differ only in the JSON they write: an answer_format. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/generation.h"
#include "buffer.h"
#include "engine.h"
#include "http.h"
#include "prompt.h"

struct answer;

/* What one prompt led to. */
struct answer_part {
    struct buffer text; /* stays empty in a stream */
    enum finish_reason finish;
};

struct answer_format {
    const char *id_prefix; /* of the answer's name, such as "cmpl-" */
    /* Appends the event that opens a stream; may be null. */
    void (*opening)(struct buffer *body, const struct answer *answer);
    /* Appends one event: text of the current prompt, its end if `finish` is not null, or with
     * neither (text null) the token counts. */
    void (*event)(struct buffer *body, const struct answer *answer, const struct text *text,
                  const enum finish_reason *finish);
    /* Appends the whole response. */
    void (*whole)(struct buffer *body, const struct answer *answer);
};

struct answer {
    const struct answer_format *format;
    struct http_exchange *exchange;
    char id[32];
    uint64_t created; /* seconds since 1970-01-01 UTC */
    bool streams;
    bool counts;                          /* a stream ends with the token counts */
    struct generation_request generation; /* of the current prompt */
    const struct prompt_list *prompts;
    struct answer_part *parts; /* one for each prompt */
    size_t prompt_count, current;
    struct generation_figures figures; /* of all prompts so far */
    struct job *job;
};

/* Starts an answer on the exchange; `wanted` is copied and gives format, prompts, streams, counts
 * and the generation's max_tokens, sampling and stops, which must live as long as the exchange. If
 * the engine refuses, answers with the reason; `field` is what an error about length names. */
void answer_start(struct http_exchange *exchange, const struct answer *wanted, const char *field);

/* What the request says of the answer: streams, counts, cache_prompt and stops, which must live as
 * long as the exchange. */
void answer_set_options(struct answer *answer, const struct answer_options *options);

/* How to draw (sampling_options.c), kept in the exchange's arena where need be; a seed is drawn if
 * none is given. False if the exchange was answered with an error. */
bool answer_set_sampling(struct http_exchange *exchange, struct answer *answer,
                         const struct sampling_options *options);

/* Token counts as the API reports them. */
struct usage answer_usage(const struct answer *answer);

/* Where the time went, as the API reports it. */
struct timings answer_timings(const struct answer *answer);

/* True once the last event before the end of a stream is due: it carries the timings. */
bool answer_is_last_event(const struct answer *answer, const struct text *text,
                          const enum finish_reason *finish);

struct text answer_id(const struct answer *answer);

/* Answers the exchange with what a refused submission means. */
void answer_refuse(struct http_exchange *exchange, enum submit_error error, const char *field);
