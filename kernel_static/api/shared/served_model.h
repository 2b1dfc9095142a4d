/* The one model that the appliance serves, as the API names it. */
#pragma once

#include <stdbool.h>

#include "http.h"
#include "text.h"

/* Name in responses and in GET /v1/models. */
struct text served_model_name(void);

/* True if a request may name the model so: absent (`given` false) or the served name. Otherwise
 * answers the exchange with 404 and returns false. */
bool served_model_accepts(struct http_exchange *exchange, bool given, struct text name);

/* Answers the exchange with 503, saying whether waiting helps, unless the model can run. */
bool served_model_ready(struct http_exchange *exchange);
