/* What generated chat templates are written in: texts that remember which of their bytes came from
 * a message, and Python's meaning of the operations that templates use on them.
 *
 * A text that is one run of bytes of one origin is a plain `struct text`; one that was put together
 * is a `struct chat_text`, a list of such runs. Memory is the run's own and lasts as long as it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "chat_template.h"
#include "text.h"

#define CHAT_LITERAL(string) ((struct text){string, sizeof(string) - 1})
#define CHAT_END INT64_MAX /* a slice without an upper bound */

enum chat_origin { CHAT_TEMPLATE, CHAT_MESSAGE };

struct chat_messages {
    const struct chat_message *first;
    int64_t count;
};

struct chat_piece {
    struct chat_piece *next;
    struct text text;
    enum chat_origin origin;
};

/* `absent` stands for a variable without a text (undefined, none or false); such a one has no
 * pieces. */
struct chat_text {
    struct chat_piece *first, *last;
    bool absent;
};

/* One rendering under way. */
struct chat_run {
    struct chat_messages messages;
    bool add_generation_prompt;
    void (*write)(void *context, struct text text, enum chat_origin origin);
    void *context;
    struct arena arena;
    const char *error; /* the first thing that went wrong, or null */
    bool no_memory;    /* memory ran out, which is an error too */
};

/* Output, and putting texts together. */
void chat_write(struct chat_run *run, struct text text, enum chat_origin origin);
void chat_write_all(struct chat_run *run, struct chat_text text);
void chat_add(struct chat_run *run, struct chat_text *to, struct text text,
              enum chat_origin origin);
void chat_add_all(struct chat_run *run, struct chat_text *to, struct chat_text text);

struct chat_text chat_one(struct chat_run *run, struct text text, enum chat_origin origin);

/* Notes that the template stopped, if nothing went wrong before. */
void chat_fail(struct chat_run *run, const char *why);
void chat_no_memory(struct chat_run *run);

/* The text; one that is absent fails the run, or reads `instead`. */
struct chat_text chat_needed(struct chat_run *run, struct chat_text text);
struct chat_text chat_shown(struct chat_run *run, struct chat_text text, struct text instead);

/* The text as one run of bytes. */
struct text chat_flat(struct chat_run *run, struct chat_text text);

/* messages[index] and messages[start:end], negative numbers counting from the end. An index that
 * is out of range fails the run, as jinja2's undefined does, and gives an empty message. */
const struct chat_message *chat_message_at(struct chat_run *run, struct chat_messages messages,
                                           int64_t index);
struct chat_messages chat_slice(struct chat_messages messages, int64_t start, int64_t end);

/* str.strip(), lstrip(), rstrip() without arguments; len(); the number as str() has it. */
struct text chat_trim(struct text text);
struct text chat_trim_start(struct text text);
struct text chat_trim_end(struct text text);
struct chat_text chat_trim_all(struct chat_run *run, struct chat_text text);
int64_t chat_length(struct text text);
struct text chat_decimal(struct chat_run *run, int64_t number);

bool chat_contains(struct text text, struct text part);

/* What follows the last, or precedes the first, `mark`; the whole text if there is none. */
struct text chat_after_last(struct text text, struct text mark);
struct text chat_before_first(struct text text, struct text mark);
