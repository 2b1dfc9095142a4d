/* The parts of the PC that start.c brings up in order; nobody outside platform/pc calls them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/* A run of physical addresses, [start, end). */
struct physical_span {
    uint64_t start, end;
};

/* Sets up the serial line and clears the screen. */
void console_start(void);

/* Waits, a bounded time, until the serial line has sent everything. */
void console_drain(void);

/* Copies what the loader left at `address` out of its memory. Panics if it was no Multiboot loader.
 */
void multiboot_start(uint32_t magic, uint32_t address);
/* Available memory as the loader's map gives it, at most MULTIBOOT_SPANS runs. */
#define MULTIBOOT_SPANS 16
size_t multiboot_memory(struct physical_span spans[MULTIBOOT_SPANS]);
/* The first module; false if none was loaded. */
bool multiboot_module(struct physical_span *module);

/* Maps memory, the image and the module with the rights each needs, and puts the map in force. */
void memory_map_start(void);

/* A writable page below 640 KiB that nobody uses, in which other CPUs start in real mode; null if
 * the loader's map has none. */
void *memory_map_start_page(void);

/* Gives addresses to PCI functions that firmware left without. */
void pci_assign(void);

/* Masks all interrupt lines. */
void irq_start(void);

/* Measures the time stamp counter against the interval timer and reads the calendar clock. */
void clock_start(void);

/* Seconds since 1970 from the battery-backed clock. */
uint64_t cmos_unix_seconds(void);

/* Millions of cycles a second of the time stamp counter. */
unsigned clock_megahertz(void);
