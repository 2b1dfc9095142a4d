/* A PC for drivers: PCI configuration space by mechanism #1 with one network device in it, memory,
 * a clock and an interrupt line. What a driver does wrong is kept for the test to read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keeps the first complaint; formats as printf does. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The network device, nic_model.c. */
void nic_power_on(void);
uint32_t nic_read(size_t offset);
void nic_write(size_t offset, uint32_t value);
bool nic_asserts(void);

/* Memory that the driver reserved: the host pointer if [address, address + size) is inside, else
 * null after a complaint. */
void *machine_memory(uint64_t address, size_t size);

/* True once the driver lets the function master the bus and answer memory accesses. */
bool machine_function_enabled(void);
