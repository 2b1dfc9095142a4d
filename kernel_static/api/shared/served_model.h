/* The one model that the appliance serves, as the API names it. */
#pragma once

#include <stdbool.h>

#include "http.h"
#include "text.h"

/* Name in responses and in GET /v1/models. */
struct text served_model_name(void);

/* What answers: weights, kernels and image, each by a name of its own. Asked once the model can
 * run. */
struct text served_model_fingerprint(void);

/* True if it is the model's name. Otherwise answers the exchange with 404 and returns false. */
bool served_model_is(struct http_exchange *exchange, struct text name);

/* The same of the name in a request, which may be absent (`given` false), or any where the
 * appliance says so. */
bool served_model_accepts(struct http_exchange *exchange, bool given, struct text name);

/* Answers the exchange with 503, saying whether waiting helps, unless the model can run. */
bool served_model_ready(struct http_exchange *exchange);
