/* From a parsed request to its handler, or to the error that answers it. */
#pragma once

#include "connection.h"

/* The head was read: finds the route, decides whether the body is wanted, and whether the request
 * is refused once it has come. Moves the parser on. */
void connection_head_ready(struct connection *connection);

/* The request is complete: calls its handler, or answers with the refusal. */
void connection_dispatch(struct connection *connection);

/* Answers with an error now; the connection is closed after it. */
void connection_refuse(struct connection *connection, unsigned status, const char *message);
