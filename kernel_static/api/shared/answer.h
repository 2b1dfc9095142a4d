/* One exchange that generates text: a job for each prompt and each answer wanted to it. Up to
 * LIMIT_PARALLEL_JOBS of them run side by side, the others follow; texts go out at the end, or as
 * server-sent events while they are made. Endpoints differ only in the JSON that they write: an
 * answer_format. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/answers.h"
#include "api/generation.h"
#include "buffer.h"
#include "drawn.h"
#include "engine.h"
#include "http.h"
#include "prompt.h"

struct answer;

/* One job, and what it led to. */
struct answer_part {
    struct answer *answer;
    const struct prompt_list *prompt;
    size_t index;         /* of the choice that it is */
    struct job *job;      /* null unless it runs */
    bool opened;          /* the format wrote its first event */
    struct text text;     /* what was generated; in a stream, what is new */
    struct drawn drawn;   /* tokens and chances, the same way, if the answer keeps them */
    struct text all_text; /* of a stream that keeps all: from the beginning */
    struct drawn all_drawn;
    struct generation_figures figures; /* so far */
    bool over;
    enum generation_end end; /* if it is over */
    struct text stopped_by;  /* the stop string that ended it, or empty */
    struct buffer text_buffer, drawn_buffer;
    size_t told_text, told_drawn; /* bytes of them that a stream which keeps all has told */
    bool has_new_line;
    double log_probability; /* of all tokens drawn, if the answer wants the likeliest */
};

struct answer_format {
    const char *id_prefix; /* of the answer's name, such as "cmpl-" */
    /* Appends the events that open a stream; may be null. */
    void (*opening)(struct buffer *body, const struct answer *answer);
    /* Appends the events of what is new in a part, which may be that it is over. */
    void (*event)(struct buffer *body, const struct answer_part *part);
    /* Appends the event of how much of a part's prompt is stored; may be null. */
    void (*progress)(struct buffer *body, const struct answer_part *part, size_t stored);
    /* Appends the events that end a stream. */
    void (*closing)(struct buffer *body, const struct answer *answer);
    /* Appends the whole response. */
    void (*whole)(struct buffer *body, const struct answer *answer);
};

struct answer {
    const struct answer_format *format;
    const void *request; /* the format's own */
    struct http_exchange *exchange;
    char id[48];
    uint64_t created; /* seconds since 1970-01-01 UTC */
    bool streams;
    bool counts;         /* a stream ends with the token counts */
    bool tells_chances;  /* of the tokens drawn */
    bool tells_tokens;   /* ids of the tokens drawn */
    bool tells_timings;  /* in every event */
    bool tells_progress; /* of prompts, in a stream */
    bool keeps_all;      /* in a stream, what was told */
    int64_t slot;        /* that was asked for, or -1 */
    bool prompt_only;    /* nothing is generated: the engine's one token is dropped */
    struct generation_request generation; /* what all jobs have in common */
    struct logit_bias logit_bias;         /* of them, as the answer tells it */
    const enum sampling_rule *rules;      /* likewise, by chain_count; null: the usual ones */
    const struct prompt_list *prompts;
    size_t prompt_count;
    size_t choices;            /* answers to each prompt that are told; 0 stands for 1 */
    size_t candidates;         /* and that are generated, `choices` or more */
    struct answer_part *parts; /* prompt_count * candidates, those of one prompt side by side */
    size_t part_count, submitted, over;
    const struct answer_part **told; /* prompt_count * choices, once all are over */
    size_t told_count;
};

/* Starts an answer on the exchange; `wanted` is copied and gives format, request, prompts, choices,
 * candidates and what the functions below set, which must live as long as the exchange. If it
 * cannot be, answers with the reason; `field` is what an error about length names. */
void answer_start(struct http_exchange *exchange, const struct answer *wanted, const char *field);

/* What the request says of the answer: where it ends, and what is told of it. False, having
 * answered, if that cannot be. */
bool answer_set_options(struct http_exchange *exchange, struct answer *answer,
                        const struct answer_options *options);

/* Most tokens to generate: -1 as many as the context holds, 0 none. */
void answer_set_length(struct answer *answer, int64_t most);

/* Chances of the tokens drawn, and of so many of the likeliest. */
void answer_set_chances(struct answer *answer, size_t likeliest, bool after_the_chain);

/* How to draw (sampling_options.c), kept in the exchange's arena where need be; a seed is drawn if
 * none is given. False if the exchange was answered with an error. */
bool answer_set_sampling(struct http_exchange *exchange, struct answer *answer,
                         const struct sampling_options *options);

/* The options as they were taken: seed, rules and breakers where nothing was given, biases by
 * token. */
struct sampling_options sampling_options_told(const struct answer *answer,
                                              const struct sampling_options *options);

/* ---- for formats ---- */

struct text answer_id(const struct answer *answer);

/* What one message or text ended for, if it is over. */
enum finish_reason answer_finish(const struct answer_part *part);

/* Token counts and times of all parts so far, and times of one. */
struct usage answer_usage(const struct answer *answer);
struct timings answer_timings(const struct answer *answer);
struct timings answer_part_timings(const struct answer_part *part);
struct prompt_progress answer_progress(const struct answer_part *part, size_t stored);

/* Whether the event under way is the last that has choices. */
bool answer_is_last_event(const struct answer_part *part);

/* The end of OpenAI's streams. */
void answer_write_done(struct buffer *body);

/* ---- refusals ---- */

/* Answers the exchange with what a refused submission means. */
void answer_refuse(struct http_exchange *exchange, enum submit_error error, const char *field);

/* Answers that a prompt of so many tokens exceeds the context. */
void answer_refuse_length(struct http_exchange *exchange, size_t tokens, const char *field);
