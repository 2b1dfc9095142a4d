/* Comes before the kernel's own header on the include path: the same contract, but register
 * accesses are calls, so that model.c can be the device. */
#pragma once

#define mmio_read32 direct_mmio_read32
#define mmio_write32 direct_mmio_write32
#include_next "arch_io.h"
#undef mmio_read32
#undef mmio_write32

uint32_t mmio_read32(const volatile void *base, size_t offset);
void mmio_write32(volatile void *base, size_t offset, uint32_t value);
