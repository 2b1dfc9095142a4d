/* How drivers reach devices: I/O ports, memory-mapped registers and the mapping of those
 * registers. Ports and mappings are implemented in arch/<target>/; tests implement them with a
 * software model of the device. Physical and virtual addresses are equal in this kernel, so the
 * address of memory_reserve'd memory is what a device is given for DMA. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* One IN or OUT instruction of the given width; the compiler does not move or drop it, nor move
 * memory accesses across it. Ports that nobody drives read as all ones. */
uint8_t io_in8(uint16_t port);
uint16_t io_in16(uint16_t port);
uint32_t io_in32(uint16_t port);
void io_out8(uint16_t port, uint8_t value);
void io_out16(uint16_t port, uint16_t value);
void io_out32(uint16_t port, uint32_t value);

/* Maps the registers at [physical, physical + size) uncached, writable and not executable, and
 * returns their (equal) address; null, having logged why, if they lie above what this target can
 * address. Mapping the same range twice is allowed. Called while booting. */
void *arch_map_device(uint64_t physical, size_t size);

/* One access of exactly this width to a device register; base comes from arch_map_device, offset
 * is in bytes. x86 keeps stores in order and does not pass a store to uncached memory before
 * earlier stores to write-back memory, so a descriptor that was filled in before a
 * mmio_write32 of the tail register is visible to the device: only the compiler has to be
 * stopped, hence the barriers. */
static inline uint32_t mmio_read32(const volatile void *base, size_t offset) {
    uint32_t value = *(const volatile uint32_t *)((const volatile uint8_t *)base + offset);
    __asm__ volatile("" ::: "memory");
    return value;
}

static inline void mmio_write32(volatile void *base, size_t offset, uint32_t value) {
    __asm__ volatile("" ::: "memory");
    *(volatile uint32_t *)((volatile uint8_t *)base + offset) = value;
    __asm__ volatile("" ::: "memory");
}
