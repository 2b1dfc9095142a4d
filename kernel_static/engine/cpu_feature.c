/* CPUID and XCR0 through the compiler's own wrappers. */
#include "cpu_feature.h"

#include <cpuid.h>

#define LEAF_FEATURES 1
#define OSXSAVE (1u << 27) /* ecx: the system has turned XGETBV on */

__attribute__((target("xsave"))) static uint64_t enabled_state(void) {
    return __builtin_ia32_xgetbv(0);
}

bool cpu_feature(uint32_t leaf, uint32_t subleaf, enum cpu_register reg, unsigned bit, uint64_t state) {
    unsigned found[4];
    if (!__get_cpuid_count(leaf, subleaf, &found[0], &found[1], &found[2], &found[3]) ||
        (found[reg] >> bit & 1) == 0)
        return false;
    if (state == 0)
        return true;
    return __get_cpuid(LEAF_FEATURES, &found[0], &found[1], &found[2], &found[3]) &&
           (found[CPU_ECX] & OSXSAVE) != 0 && (enabled_state() & state) == state;
}
