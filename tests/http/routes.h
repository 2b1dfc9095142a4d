/* A few routes and handlers for tests of HTTP, in place of the generated router. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http.h"

#define DEFERRED_MOST 8

/* Exchanges of /defer and /later, oldest first; the last place is always empty. */
struct deferred {
    struct http_exchange *exchange;
    bool streaming;
};
extern struct deferred deferred[DEFERRED_MOST + 1];

/* Called for each 1,000 bytes of a body sent to /work. */
extern void (*work_passes)(void);

/* Handlers that were told that their client is gone. */
extern size_t gone_count;

/* Takes one out; the handlers of the others learn their new places. */
void forget(struct deferred *slot);
