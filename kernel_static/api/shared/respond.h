/* Answering with a body that a writer fills. */
#pragma once

#include "buffer.h"
#include "http.h"

/* An empty body; the longest that a response may become. */
void respond_start(struct buffer *body);

/* Sends the body and releases it; 503 instead if memory ran out while it was written. */
void respond_json(struct http_exchange *exchange, unsigned status, struct buffer *body);

/* The same for a body that is not JSON; `content_type` is a literal. */
void respond_text(struct http_exchange *exchange, unsigned status, const char *content_type,
                  struct buffer *body);
