/* The PCI bus as drivers see it. Implemented by drivers/pci.c over configuration space. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci_config.h"

struct pci_function {
    struct pci_address address;
    uint16_t vendor, device;
    uint8_t class, subclass;
    uint8_t interrupt_line; /* 0-15, as the firmware routed it; PCI_NO_INTERRUPT */
};

#define PCI_NO_INTERRUPT 0xff

/* A range that a base address register decodes; 64-bit registers are one range. */
struct pci_range {
    uint64_t physical;
    uint64_t size; /* bytes, a power of two */
    bool io;       /* I/O ports rather than memory */
};

/* Calls `visit` for every function on every bus that can be reached through configured bridges, in
 * ascending order on each bus, until it returns false. */
void pci_enumerate(bool (*visit)(void *context, const struct pci_function *function),
                   void *context);

/* The first function that `ids` names; *id then points at its entry. False if there is none. */
bool pci_find(const struct pci_id *ids, size_t count, struct pci_function *function,
              const struct pci_id **id);

/* The range of base address register `index` (0 to 5). False if it is not implemented, has no
 * address, or is the upper half of another. The function does not answer while it is measured. */
bool pci_range(struct pci_address address, unsigned index, struct pci_range *range);

/* Lets the function answer memory and I/O accesses, master the bus and interrupt. */
void pci_enable(struct pci_address address);
