/* Answering with a JSON body that a generated writer fills. */
#pragma once

#include "buffer.h"
#include "http.h"

/* An empty body; the longest that a response may become. */
void respond_start(struct buffer *body);

/* Sends the body and releases it; 503 instead if memory ran out while it was written. */
void respond_json(struct http_exchange *exchange, unsigned status, struct buffer *body);
