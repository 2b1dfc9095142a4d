/* Gives addresses and interrupt lines to PCI functions that firmware left without: a minimal
 * firmware (QEMU's qboot) boots faster because of it. Functions that have addresses keep them. Read
 * first: PCI Local Bus Specification 3.0, 6.2.5.1. Behind bridges nothing is assigned. */

#include "devices/pci.h"
#include "log.h"
#include "machine.h"
#include "pci.h"

/* On QEMU's and every other i440FX-like PC the PCI hole reaches from the end of memory, at most
 * 0xe0000000, to the interrupt controllers. */
#define MEMORY_START 0xf0000000u
#define MEMORY_END 0xfec00000u
#define IO_START 0xc000u
#define IO_END 0x10000u

struct window {
    uint64_t next, end;
};

static struct window memory = {MEMORY_START, MEMORY_END}, io = {IO_START, IO_END};

/* The next run of `size` addresses, a power of two, naturally aligned; 0 when none is left. */
static uint64_t take(struct window *window, uint64_t size) {
    uint64_t start = (window->next + size - 1) & ~(size - 1);
    if (start + size > window->end)
        return 0;
    window->next = start + size;
    return start;
}

static void assign_range(struct pci_address at, unsigned index) {
    struct pci_range range = {0, 0, false};
    if (pci_range(at, index, &range) || range.size == 0)
        return;
    uint64_t start = take(range.io ? &io : &memory, range.size);
    if (start == 0) {
        log_warn("pci", "no addresses are left for %02x:%02x.%u", at.bus, at.device, at.function);
        return;
    }
    pci_bar_write(at, index, (uint32_t)start);
    log_debug("pci", "%02x:%02x.%u range %u is at %#x", at.bus, at.device, at.function, index,
              (unsigned)start);
}

static bool assign_function(void *context, const struct pci_function *function) {
    (void)context;
    for (unsigned index = 0; function->address.bus == 0 && index < PCI_BAR_COUNT; index++)
        assign_range(function->address, index);
    return true;
}

/* The ISA bridge of QEMU's PC (Intel 82371SB data sheet, 2.2.10): four registers say which
 * interrupt line each of the PCI lines A to D drives. */
#define BRIDGE_ROUTES 0x60
#define BRIDGE_ROUTE_OFF 0x80
#define PCI_LINES 4

static const struct pci_id bridge_ids[] = {{0x8086, 0x7000, "82371SB (PIIX3)"}};

/* Interrupt pins are wired to PCI lines in rotation by device number. */
static bool set_line(void *context, const struct pci_function *function) {
    const struct pci_function *bridge = context;
    struct pci_address at = function->address;
    uint8_t pin = pci_interrupt_pin_read(at);
    if (at.bus != 0 || pin == 0)
        return true;
    unsigned route = (at.device + pin - 2u) % PCI_LINES;
    uint8_t line = pci_read8(bridge->address, (uint8_t)(BRIDGE_ROUTES + route));
    if (!(line & BRIDGE_ROUTE_OFF))
        pci_interrupt_line_write(at, line);
    return true;
}

/* Not all firmware tells functions the line that it wired them to, or the right one. */
static void assign_interrupt_lines(void) {
    struct pci_function bridge;
    const struct pci_id *id;
    if (pci_find(bridge_ids, 1, &bridge, &id))
        pci_enumerate(set_line, &bridge);
}

void pci_assign(void) {
    pci_enumerate(assign_function, NULL);
    assign_interrupt_lines();
}
