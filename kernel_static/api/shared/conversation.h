/* A conversation as the model's chat template has it: the one prompt of an answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "chat_template.h"
#include "http.h"
#include "prompt.h"

/* The turns of a request, of which the assistant's last may be what the answer goes on with. */
struct conversation {
    struct chat_message *turns; /* in the exchange's arena */
    size_t count;
    bool goes_on;  /* with the last turn, which is the assistant's */
    bool forgets;  /* its oldest turns but the system's, where it exceeds the context */
    bool unopened; /* no turn of the assistant's is begun */
};

/* Room for so many turns; false, having answered, if there is none. */
bool conversation_start(struct http_exchange *exchange, struct conversation *conversation,
                        size_t most);

void conversation_add(struct conversation *conversation, const char *role, struct text content);

/* Whether the last turn is the assistant's. */
bool conversation_ends_with_assistant(const struct conversation *conversation);

/* Its tokens. On failure answers the exchange with an error about `field` and returns false. */
bool conversation_encode(struct http_exchange *exchange, struct conversation *conversation,
                         const char *field, struct prompt_list *list);

/* Its text, appended to a buffer. The same. */
bool conversation_render(struct http_exchange *exchange, const struct conversation *conversation,
                         const char *field, struct buffer *out);
