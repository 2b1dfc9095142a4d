/* A feature of an x86 CPU (Intel SDM volume 2, CPUID): one bit that must be set, and the register
 * states that the system must save (XCR0; volume 1, 13.3). */
#pragma once

#include <stdint.h>

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

struct cpu_feature {
    const char *name;
    uint32_t leaf, subleaf;
    enum cpuid_register result;
    uint32_t bit;
    uint64_t states;
};
