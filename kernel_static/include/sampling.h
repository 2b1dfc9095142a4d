/* What a request asks of the sampler. */
#pragma once

#include <stdint.h>

/* How the next token is drawn from the logits: divide by temperature (0: take the largest), keep
 * the top_k likeliest (0: all), keep the fewest whose probability reaches top_p (1: all), drop
 * those less likely than min_p times the likeliest (0: none), then draw. */
struct sampling {
    float temperature;
    uint32_t top_k;
    float top_p;
    float min_p;
    uint64_t seed;
};
