/* What the CPU can do, as CPUID tells it, and which of its register state the system turned on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum cpu_register { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX };

/* True if bit `bit` of that register of CPUID leaf `leaf`, subleaf `subleaf`, is set, and every
 * bit of `state` is set in XCR0 (0: no such state needed). Leaves that the CPU lacks have no bits.
 * Intel SDM volume 2, CPUID; volume 1 section 13.3. */
bool cpu_feature(uint32_t leaf, uint32_t subleaf, enum cpu_register reg, unsigned bit, uint64_t state);
