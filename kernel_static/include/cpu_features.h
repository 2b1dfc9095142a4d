/* Instruction sets, and what a CPU must have for each: generated as data from specs/isa, asked for
 * by the code of the architecture, which alone knows what a feature is (cpu/<architecture>/). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct cpu_feature; /* cpu_feature.h of the architecture */

struct instruction_set {
    const char *name;
    const struct cpu_feature *features;
    size_t feature_count;
};

/* Whether this CPU has all features of the set and the system has enabled its registers. */
bool cpu_supports(const struct instruction_set *set);
