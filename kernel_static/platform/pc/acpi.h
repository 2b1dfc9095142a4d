/* The CPUs that the firmware names in its ACPI tables. Tables may be damaged or lie: nothing is
 * read beyond what acpi_view grants, and a table with a wrong checksum is as good as none. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Local APIC ids of the CPUs that may be started, each once, in the firmware's order. Returns how
 * many were written, at most `most`; 0, having logged why, without an intact table of them. */
size_t acpi_processors(uint32_t *ids, size_t most);

/* Supplied by the platform: `size` bytes of physical memory for reading, or null where there can
 * be no table. */
const void *acpi_view(uint64_t address, size_t size);
