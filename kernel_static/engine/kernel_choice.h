/* Which of an image's sets of kernels run on this CPU, and how fast. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "model.h"

/* Which kernels a step of so many rows takes: `many` from `many_from` rows up, else `few`. */
struct kernel_choice {
    const struct kernel_set *few, *many;
    size_t many_from;
};

/* The set that `isa=` on the command line names, for all steps; without it, the fastest that this
 * CPU has, for one row and for many: each multiplies by a few tiles of the model's smallest matrix
 * for some milliseconds, because under an emulator the widest set is not the fastest. `weights` is
 * the "weights" section, and the activations are written to. False, having logged why, if there is
 * none. */
bool kernel_choice_make(struct kernel_choice *choice, const struct language_model *model,
                        const uint8_t *weights, void *activations);

/* The kernels for a step of so many rows. */
const struct kernel *kernel_choice_for(const struct kernel_choice *choice, size_t rows);
