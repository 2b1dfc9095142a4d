/* Requests with large bodies are handled beside everything else (coroutine.h), one after the other:
 * parsing a megabyte and cutting it into tokens would hold up all others. A handler that is halfway
 * keeps its connection; the client may be gone meanwhile. */
#pragma once

#include "connection.h"

#define ASIDE_BYTES 16384 /* a body of at most so many is handled at once */

/* The connection's request is handled when its turn comes. */
void aside_take(struct connection *connection);

/* Whether its handler is halfway: then the connection must not go away. */
bool aside_has(const struct connection *connection);

/* Goes on with a handler that is halfway, or with the oldest request of `connections` that waits.
 * True if there is one. *done: the connection whose handler has returned, or null. */
bool aside_poll(struct connection *connections, struct connection **done);
