/* A request's `logit_bias` as the sampler wants it. */
#pragma once

#include "api/generation.h"
#include "http.h"
#include "sampling.h"

/* Sets the biases, in the exchange's arena. False if the exchange was answered with an error. */
bool logit_bias_set(struct http_exchange *exchange, const struct logit_bias *given,
                    struct sampling *sampling);

/* What was set, as answers tell it, in the exchange's arena too; false likewise. */
bool logit_bias_told(struct http_exchange *exchange, const struct sampling *sampling,
                     struct logit_bias *told);
