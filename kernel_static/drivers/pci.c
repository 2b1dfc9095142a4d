/* PCI enumeration by configuration mechanism #1. Read first: PCI Local Bus Specification 3.0,
 * sections 3.2.2.3.2 and 6.1 (generated/devices/pci.md). */
#include "pci.h"

#include "devices/pci.h"
#include "log.h"

#define DEVICES 32
#define FUNCTIONS 8
#define BUSES 256
#define NO_VENDOR 0xffff

/* Points CONFIG_DATA at the double word that holds `offset`; the port of the octet itself. */
static uint16_t select(struct pci_address address, uint8_t offset) {
    uint32_t word = pci_config_address_enable_set(0, true);
    word = pci_config_address_bus_set(word, address.bus);
    word = pci_config_address_device_set(word, address.device);
    word = pci_config_address_function_set(word, address.function);
    word = pci_config_address_register_set(word, offset >> 2);
    pci_config_address_write(0, word);
    return (uint16_t)(PCI_CONFIG_DATA_OFFSET + (offset & 3));
}

uint8_t pci_read8(struct pci_address address, uint8_t offset) {
    return io_in8(select(address, offset));
}

uint16_t pci_read16(struct pci_address address, uint8_t offset) {
    return io_in16(select(address, offset));
}

uint32_t pci_read32(struct pci_address address, uint8_t offset) {
    return io_in32(select(address, offset));
}

void pci_write8(struct pci_address address, uint8_t offset, uint8_t value) {
    io_out8(select(address, offset), value);
}

void pci_write16(struct pci_address address, uint8_t offset, uint16_t value) {
    io_out16(select(address, offset), value);
}

void pci_write32(struct pci_address address, uint8_t offset, uint32_t value) {
    io_out32(select(address, offset), value);
}

static bool is_set(const uint32_t *bits, unsigned number) {
    return bits[number / 32] >> number % 32 & 1;
}

static void set(uint32_t *bits, unsigned number) { bits[number / 32] |= 1u << number % 32; }

static struct pci_function describe(struct pci_address address) {
    uint8_t line = pci_interrupt_line_read(address);
    struct pci_function function = {
        .address = address,
        .vendor = pci_vendor_id_read(address),
        .device = pci_device_id_read(address),
        .class = pci_class_read(address),
        .subclass = pci_subclass_read(address),
        .interrupt_line =
            pci_interrupt_pin_read(address) != 0 && line < 16 ? line : PCI_NO_INTERRUPT,
    };
    return function;
}

/* Visits one bus and adds the buses below it to `found`. False when `visit` had enough. */
static bool enumerate_bus(uint8_t bus, uint32_t *found,
                          bool (*visit)(void *, const struct pci_function *), void *context) {
    for (unsigned device = 0; device < DEVICES; device++) {
        for (unsigned number = 0; number < FUNCTIONS; number++) {
            struct pci_address at = {bus, (uint8_t)device, (uint8_t)number};
            if (pci_vendor_id_read(at) == NO_VENDOR) {
                if (number == 0)
                    break; /* every device has a function 0 */
                continue;
            }
            struct pci_function function = describe(at);
            if (!visit(context, &function))
                return false;
            uint8_t header = pci_header_type_read(at);
            if (pci_header_type_layout_get(header) == PCI_HEADER_TYPE_LAYOUT_BRIDGE)
                set(found, pci_bridge_secondary_read(at));
            if (bus == 0 && device == 0 && number > 0 && function.class == PCI_CLASS_CODE_BRIDGE)
                set(found, number); /* one more host bridge: its bus has its function's number */
            if (number == 0 && !pci_header_type_multi_get(header))
                break;
        }
    }
    return true;
}

void pci_enumerate(bool (*visit)(void *context, const struct pci_function *function),
                   void *context) {
    uint32_t found[BUSES / 32] = {1}, done[BUSES / 32] = {0};
    for (bool again = true; again;) {
        again = false;
        for (unsigned bus = 0; bus < BUSES; bus++) {
            if (is_set(found, bus) && !is_set(done, bus)) {
                set(done, bus);
                again = true;
                if (!enumerate_bus((uint8_t)bus, found, visit, context))
                    return;
            }
        }
    }
}

struct search {
    const struct pci_id *ids;
    size_t count;
    struct pci_function *function;
    const struct pci_id *id;
};

static bool compare(void *context, const struct pci_function *function) {
    struct search *search = context;
    for (size_t i = 0; i < search->count; i++) {
        if (search->ids[i].vendor == function->vendor &&
            search->ids[i].device == function->device) {
            search->id = &search->ids[i];
            *search->function = *function;
            return false;
        }
    }
    return true;
}

bool pci_find(const struct pci_id *ids, size_t count, struct pci_function *function,
              const struct pci_id **id) {
    struct search search = {ids, count, function, NULL};
    pci_enumerate(compare, &search);
    *id = search.id;
    return search.id != NULL;
}

/* Writes ones to a base address register and returns which of them stuck (6.2.5.1). */
static uint32_t measure(struct pci_address address, unsigned index) {
    uint32_t kept = pci_bar_read(address, index);
    pci_bar_write(address, index, 0xffffffff);
    uint32_t mask = pci_bar_read(address, index);
    pci_bar_write(address, index, kept);
    return mask;
}

bool pci_range(struct pci_address address, unsigned index, struct pci_range *range) {
    if (index >= PCI_BAR_COUNT || pci_header_type_layout_get(pci_header_type_read(address)) !=
                                      PCI_HEADER_TYPE_LAYOUT_DEVICE) {
        return false;
    }
    unsigned first = 0; /* registers before this one decide whether it is an upper half */
    while (first < index) {
        uint32_t word = pci_bar_read(address, first);
        first += !pci_bar_io_get(word) && pci_bar_type_get(word) == PCI_BAR_TYPE_64 ? 2 : 1;
    }
    if (first != index)
        return false;
    uint32_t low = pci_bar_read(address, index);
    bool io = pci_bar_io_get(low);
    bool wide = !io && pci_bar_type_get(low) == PCI_BAR_TYPE_64 && index + 1 < PCI_BAR_COUNT;
    uint16_t command = pci_command_read(address);
    pci_command_write(address,
                      (uint16_t)(command & ~(PCI_COMMAND_IO_MASK | PCI_COMMAND_MEMORY_MASK)));
    uint64_t mask = measure(address, index) & (io ? ~3u : PCI_BAR_ADDRESS_MASK);
    uint64_t physical = low & (io ? ~3u : PCI_BAR_ADDRESS_MASK);
    if (wide) {
        mask |= (uint64_t)measure(address, index + 1) << 32;
        physical |= (uint64_t)pci_bar_read(address, index + 1) << 32;
    }
    pci_command_write(address, command);
    if ((uint32_t)mask == 0 && (!wide || mask == 0))
        return false;
    range->physical = physical;
    range->size = mask & (~mask + 1); /* the lowest bit that can be set */
    range->io = io;
    return physical != 0;
}

void pci_enable(struct pci_address address) {
    uint16_t command = pci_command_read(address);
    command |= PCI_COMMAND_IO_MASK | PCI_COMMAND_MEMORY_MASK | PCI_COMMAND_MASTER_MASK;
    pci_command_write(address, pci_command_intx_off_set(command, false));
}
