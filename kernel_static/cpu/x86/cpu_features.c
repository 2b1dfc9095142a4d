/* What this x86 CPU has, by CPUID (Intel SDM volume 2) and XCR0 (volume 1, 13.3). */
#include "cpu_features.h"

#include <cpuid.h>

#include "cpu_feature.h"

#define LEAF_FEATURES 1
#define OSXSAVE_BIT 27 /* of its ecx: XGETBV may be used */

/* Zero where the CPU does not have the leaf. */
static uint32_t cpuid(uint32_t leaf, uint32_t subleaf, enum cpuid_register result) {
    uint32_t found[4] = {0};
    __get_cpuid_count(leaf, subleaf, &found[CPUID_EAX], &found[CPUID_EBX], &found[CPUID_ECX],
                      &found[CPUID_EDX]);
    return found[result];
}

__attribute__((target("xsave"))) static bool states_enabled(uint64_t states) {
    if (!(cpuid(LEAF_FEATURES, 0, CPUID_ECX) >> OSXSAVE_BIT & 1))
        return false;
    return ((uint64_t)__builtin_ia32_xgetbv(0) & states) == states;
}

bool cpu_supports(const struct instruction_set *set) {
    for (size_t i = 0; i < set->feature_count; i++) {
        const struct cpu_feature *feature = &set->features[i];
        if (!(cpuid(feature->leaf, feature->subleaf, feature->result) >> feature->bit & 1))
            return false;
        if (feature->states && !states_enabled(feature->states))
            return false;
    }
    return true;
}
