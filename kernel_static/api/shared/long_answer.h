/* An answer with an array that may be longer than memory likes: its items are written one by one
 * and go out as the client takes them. A short one is a response like any other. */
#pragma once

#include <stdbool.h>

#include "buffer.h"
#include "http.h"

struct long_answer {
    struct http_exchange *exchange;
    struct buffer pending; /* not sent yet */
    struct buffer frame;   /* the answer as it would be with no items */
    size_t opening;        /* bytes of the frame before the items */
    bool begun, any;       /* sent something; has an item */
    bool over;             /* the client is gone, or memory ran out */
};

/* Takes over `frame`, JSON whose first empty array is the one to fill. */
void long_answer_start(struct long_answer *answer, struct http_exchange *exchange,
                       struct buffer *frame);

/* The buffer that the next item is to be appended to. */
struct buffer *long_answer_next(struct long_answer *answer);

/* Sends what is worth it. False if the answer ended: all that it held is released. */
bool long_answer_flush(struct long_answer *answer);

/* The client has not taken what was sent: http_on_drained tells when it has. */
bool long_answer_waits(const struct long_answer *answer);

/* The array is complete: answers, and releases everything. */
void long_answer_end(struct long_answer *answer);

/* Gives up: answers with an error, or cuts what has begun. */
void long_answer_fail(struct long_answer *answer, unsigned status, const char *message);

/* Releases what it holds; the exchange is over. */
void long_answer_release(struct long_answer *answer);
