/* A stage of the forward pass, as each worker runs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forward_pass.h"
#include "step.h"

/* A stage under way. What its operations read and write: */
struct stage_work {
    struct step *step;
    const struct stage *stage;
    const uint8_t *section; /* all weights, */
    const uint8_t *weights; /* the stage's, */
    uint8_t *activations;   /* and of the layer the keys and values in block 0 */
    uint8_t *cache;
    bool first; /* of the step */
    bool last;  /* the last layer: after its keys and values, only what is wanted is computed */
};

/* The worker's part of the stage; every worker calls it. */
void phases_run(const struct stage_work *work, size_t worker);
