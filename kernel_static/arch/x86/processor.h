/* CPUID, control registers and model-specific registers; only for arch/. */
#pragma once

#include <stdint.h>

struct cpuid {
    uint32_t ax, bx, cx, dx;
};

/* All zero when the processor does not know the leaf. */
struct cpuid processor_cpuid(uint32_t leaf, uint32_t subleaf);

uint64_t processor_read_msr(uint32_t number);
void processor_write_msr(uint32_t number, uint64_t value);

#define MSR_EFER 0xc0000080
#define EFER_NO_EXECUTE (1 << 11)
