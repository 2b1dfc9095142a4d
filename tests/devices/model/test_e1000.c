/* What Python calls: the driver's functions behind one static nic. */
#include <stdio.h>
#include <string.h>

#include "e1000.h"
#include "pci.h"

static struct nic *nic;

bool test_start(void) { return e1000_start(&nic); }
const uint8_t *test_mac(void) { return nic->mac; }
bool test_link_up(void) { return nic->link_up(nic); }
bool test_transmit(const uint8_t *frame, size_t size) { return nic->transmit(nic, frame, size); }

static uint8_t taken[4 << 20];
static size_t taken_bytes;

static void take(void *context, const uint8_t *frame, size_t size) {
    (void)context;
    taken[taken_bytes++] = (uint8_t)size;
    taken[taken_bytes++] = (uint8_t)(size >> 8);
    memcpy(taken + taken_bytes, frame, size);
    taken_bytes += size;
}

/* Up to `most` frames as 16-bit little-endian size and bytes; *bytes is their total. */
const uint8_t *test_receive(size_t most, size_t *count, size_t *bytes) {
    taken_bytes = 0;
    *count = nic->receive(nic, most, take, NULL);
    *bytes = taken_bytes;
    return taken;
}

struct e1000_statistics test_statistics(void) { return e1000_statistics(nic); }

static char found[8192];

static bool list(void *context, const struct pci_function *f) {
    (void)context;
    size_t used = strlen(found);
    snprintf(found + used, sizeof found - used, "%u:%u.%u %04x:%04x %u\n", f->address.bus,
             f->address.device, f->address.function, f->vendor, f->device, f->interrupt_line);
    return true;
}

const char *test_enumerate(void) {
    found[0] = 0;
    pci_enumerate(list, NULL);
    return found;
}

bool test_range(unsigned bus, unsigned device, unsigned index, uint64_t *out) {
    struct pci_range range = {0};
    struct pci_address at = {(uint8_t)bus, (uint8_t)device, 0};
    bool ok = pci_range(at, index, &range);
    out[0] = range.physical;
    out[1] = range.size;
    out[2] = range.io;
    return ok;
}
