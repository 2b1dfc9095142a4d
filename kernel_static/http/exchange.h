/* Inside http/: answering an exchange without a handler. */
#pragma once

#include "connection.h"

/* With an error, or without a body; `allowed` as in response_head. */
void exchange_refuse(struct http_exchange *exchange, const struct refusal *refusal,
                     uint32_t allowed);
void exchange_refuse_empty(struct http_exchange *exchange, const struct refusal *refusal,
                           uint32_t allowed);
