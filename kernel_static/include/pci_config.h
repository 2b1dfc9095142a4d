/* PCI configuration space: naming a function and reading and writing its registers. What the
 * generated devices/pci.h is written with; implemented in drivers/pci.c by configuration mechanism
 * #1 (PCI Local Bus Specification 3.0, section 3.2.2.3.2). */
#pragma once

#include <stdint.h>

/* Where a function is: bus 0-255, device 0-31, function 0-7. */
struct pci_address {
    uint8_t bus, device, function;
};

/* What a driver looks for: an entry of its generated id table. */
struct pci_id {
    uint16_t vendor, device;
    const char *name; /* of the chip, for the log */
};

/* `offset` (0 to FFh) is a multiple of the width. Functions that do not exist read as all ones. */
uint8_t pci_read8(struct pci_address address, uint8_t offset);
uint16_t pci_read16(struct pci_address address, uint8_t offset);
uint32_t pci_read32(struct pci_address address, uint8_t offset);
void pci_write8(struct pci_address address, uint8_t offset, uint8_t value);
void pci_write16(struct pci_address address, uint8_t offset, uint16_t value);
void pci_write32(struct pci_address address, uint8_t offset, uint32_t value);
