/* The phase in which rows attend to the keys and values that the cache has. */
#pragma once

#include <stddef.h>

#include "kernels.h"
#include "phases.h"

/* The worker's part of the phase, whose one operation is attention. What a row yields depends on
 * its position alone, not on who computes which stretch of what it sees. */
void attention_share(const struct stage_work *work, const struct phase *phase,
                     const struct kernel *kernels, size_t worker);
