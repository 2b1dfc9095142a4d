/* Inside http/: answering an exchange without a handler. */
#pragma once

#include "connection.h"

/* An error, or a response without a body; `allowed` as in response_head. */
void exchange_respond_error(struct http_exchange *exchange, const struct response *error,
                            uint32_t allowed);
void exchange_respond_empty(struct http_exchange *exchange, const struct response *response,
                            uint32_t allowed);
