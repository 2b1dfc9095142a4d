/* A software 8254x, written from the Software Developer's Manual (register numbers on purpose
 * without the generated header): registers, EEPROM, both rings in the driver's memory. Checks what
 * a real device cannot: who owns a descriptor, that buffers stay put while it owns them. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

enum {
    CTRL = 0x0,
    STATUS = 0x8,
    EERD = 0x14,
    ICR = 0xc0,
    ICS = 0xc8,
    IMS = 0xd0,
    IMC = 0xd8,
    RCTL = 0x100,
    TCTL = 0x400,
    RDBAL = 0x2800,
    RDBAH = 0x2804,
    RDLEN = 0x2808,
    RDH = 0x2810,
    RDT = 0x2818,
    TDBAL = 0x3800,
    TDBAH = 0x3804,
    TDLEN = 0x3808,
    TDH = 0x3810,
    TDT = 0x3818,
    CRCERRS = 0x4000,
    MPC = 0x4010,
    STATISTICS_END = 0x4100,
    RAL = 0x5400,
    RAH = 0x5404,
};
enum { TXDW = 1 << 0, LSC = 1 << 2, RXO = 1 << 6, RXT0 = 1 << 7 };
enum { FRAME_MOST = 16384, SENT_MOST = 20000 };

static uint32_t registers[0x20000 / 4];
static uint16_t eeprom[64];
static bool autoload = true, has_eerd = true, linked = true;
static unsigned reset_reads; /* reads of CTRL for which RST stays set */
static bool hold_transmit;   /* frames wait for nic_transmit_some */
static uint8_t *sent[SENT_MOST];
static size_t sent_sizes[SENT_MOST], sent_count;
static uint32_t handed[4096]; /* sum of descriptor and buffer when the driver gave it away */

#define R(offset) registers[(offset) / 4]

static uint32_t ring_size(size_t length_register) { return R(length_register) / 16; }

static uint8_t *descriptor(size_t base, uint32_t index) {
    return machine_memory((R(base) | (uint64_t)R(base + 4) << 32) + 16 * (uint64_t)index, 16);
}

static uint64_t little(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    while (size-- > 0) {
        value = value << 8 | at[size];
    }
    return value;
}

static uint32_t sum(const uint8_t *at, size_t size) {
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        value = (value ^ at[i]) * 16777619u;
    }
    return value;
}

/* What the descriptor and its buffer hold: has to be the same when the frame is sent. */
static uint32_t transmit_sum(uint32_t index) {
    const uint8_t *d = descriptor(TDBAL, index);
    uint16_t length = (uint16_t)little(d + 8, 2);
    const uint8_t *buffer = machine_memory(little(d, 8), length);
    return buffer == NULL ? 0 : sum(d, 16) ^ sum(buffer, length);
}

static void configure_address(void) {
    memset(&R(RAL), 0, 16 * 8);
    if (autoload) {
        R(RAL) = eeprom[0] | (uint32_t)eeprom[1] << 16;
        R(RAH) = eeprom[2] | 1u << 31;
    }
}

void nic_power_on(void) {
    memset(registers, 0, sizeof registers);
    for (size_t at = CRCERRS; at < STATISTICS_END; at += 4) {
        R(at) = 12345; /* unknown until read */
    }
    R(CTRL) = 0xa09;
    R(RCTL) = 0xa5a5a5a5;
    R(IMS) = 0xffff;
    configure_address();
}

void nic_configure(const uint8_t *mac, bool load, bool eerd, unsigned reads) {
    for (unsigned i = 0; i < 3; i++) {
        eeprom[i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
    }
    autoload = load;
    has_eerd = eerd;
    reset_reads = reads;
    nic_power_on();
}

static void cause(uint32_t bits) { R(ICR) |= bits; }
bool nic_asserts(void) { return (R(ICR) & R(IMS)) != 0; }

void nic_set_link(bool up) {
    linked = up;
    cause(LSC);
}

void nic_hold_transmit(bool hold) { hold_transmit = hold; }

/* Sends up to `most` frames of the ring; `status` is ored into their descriptors. */
size_t nic_transmit_some(size_t most, uint8_t status) {
    size_t count = 0;
    uint32_t size = ring_size(TDLEN);
    while (count < most && R(TDH) != R(TDT) && (R(TCTL) & 2)) {
        uint32_t index = R(TDH);
        uint8_t *d = descriptor(TDBAL, index);
        uint16_t length = (uint16_t)little(d + 8, 2);
        uint8_t *buffer = machine_memory(little(d, 8), length);
        if (d == NULL || buffer == NULL) {
            return count;
        }
        if (transmit_sum(index) != handed[index]) {
            complain("transmit descriptor %u or its buffer changed while the device had it", index);
        }
        if ((d[11] & 3) != 3 || (d[11] & 0x20) || length < 60 || length > 1514) {
            complain("transmit descriptor %u: command %02x, length %u", index, d[11], length);
        }
        if (status == 0 && sent_count < SENT_MOST) {
            sent[sent_count] = malloc(length);
            memcpy(sent[sent_count], buffer, length);
            sent_sizes[sent_count++] = length;
        }
        if (d[11] & 8) {
            d[12] |= (uint8_t)(1 | status);
            cause(TXDW);
        }
        R(TDH) = (index + 1) % size;
        count++;
    }
    return count;
}

size_t nic_sent_count(void) { return sent_count; }
size_t nic_sent(size_t index, uint8_t *bytes) {
    memcpy(bytes, sent[index], sent_sizes[index]);
    return sent_sizes[index];
}

/* Octets of one receive buffer, as RCTL says. */
static size_t buffer_size(void) { return (size_t)2048 >> (R(RCTL) >> 16 & 3); }

/* A frame arrives. False if it was missed for want of descriptors, or reception is off. Junk
 * fills the buffer beyond the frame; `errors` goes into the last descriptor. */
bool nic_receive(const uint8_t *frame, size_t size, uint8_t errors) {
    uint32_t count = ring_size(RDLEN);
    size_t piece = buffer_size(), needed = size == 0 ? 1 : (size + piece - 1) / piece;
    if (!(R(RCTL) & 2)) {
        return false;
    }
    if ((R(RDT) + count - R(RDH)) % count < needed) {
        R(MPC)++;
        cause(RXO);
        return false;
    }
    for (size_t done = 0; needed-- > 0; done += piece) {
        uint8_t *d = descriptor(RDBAL, R(RDH));
        uint8_t *buffer = d == NULL ? NULL : machine_memory(little(d, 8), piece);
        if (buffer == NULL) {
            return false;
        }
        size_t part = size - done < piece ? size - done : piece;
        memset(buffer, 0xee, piece);
        memcpy(buffer, frame + done, part);
        d[8] = (uint8_t)part;
        d[9] = (uint8_t)(part >> 8);
        d[13] = needed == 0 ? errors : 0;
        d[12] = needed == 0 ? 3 : 1;
        R(RDH) = (R(RDH) + 1) % count;
    }
    cause(RXT0);
    return true;
}

size_t nic_free_descriptors(void) {
    uint32_t count = ring_size(RDLEN);
    return (R(RDT) + count - R(RDH)) % count;
}

bool nic_address_is(const uint8_t *mac) {
    uint8_t held[6];
    for (unsigned i = 0; i < 6; i++) {
        held[i] = (uint8_t)(i < 4 ? R(RAL) >> 8 * i : R(RAH) >> 8 * (i - 4));
    }
    return memcmp(held, mac, 6) == 0 && R(RAH) >> 31 == 1;
}

uint32_t nic_read(size_t offset) {
    uint32_t value = R(offset);
    if (offset == ICR || (offset >= CRCERRS && offset < STATISTICS_END)) {
        R(offset) = 0; /* read clears */
    }
    if (offset == STATUS) {
        value = linked ? 0x83 : 0x81;
    }
    if (offset == CTRL && value >> 26 & 1) {
        if (reset_reads == 0) {
            value = R(CTRL) &= ~(1u << 26);
            configure_address();
        } else if (reset_reads != UINT32_MAX) {
            reset_reads--;
        }
    }
    if (offset == EERD && (value & 1) && has_eerd) {
        value = (value & 0xff00) | 0x10 | (uint32_t)eeprom[value >> 8 & 63] << 16;
    }
    return value;
}

/* The driver hands receive descriptors [old tail, new tail) to the device. */
static void hand_receive(uint32_t tail) {
    uint32_t count = ring_size(RDLEN), old = R(RDT), head = R(RDH);
    if (count == 0 || tail >= count) {
        complain("RDT %u of %u", tail, count);
        return;
    }
    if ((tail + count - head) % count < (old + count - head) % count) {
        complain("RDT moved from %u to %u past the head %u", old, tail, head);
    }
    for (uint32_t at = old; at != tail; at = (at + 1) % count) {
        uint8_t *d = descriptor(RDBAL, at);
        if (d != NULL && d[12] != 0) {
            complain("receive descriptor %u was handed over with status %02x", at, d[12]);
        }
    }
    R(RDT) = tail;
}

static void hand_transmit(uint32_t tail) {
    uint32_t count = ring_size(TDLEN);
    if (tail >= count && tail != 0) {
        complain("TDT %u of %u", tail, count);
        return;
    }
    for (uint32_t at = R(TDT); at != tail; at = (at + 1) % count) {
        if ((at + 1) % count == R(TDH)) {
            complain("TDT %u ran into the head %u", tail, R(TDH));
        }
        handed[at] = transmit_sum(at);
    }
    R(TDT) = tail;
}

void nic_write(size_t offset, uint32_t value) {
    switch (offset) {
    case CTRL:
        R(CTRL) = value;
        if (value >> 26 & 1) {
            unsigned reads = reset_reads;
            nic_power_on();
            R(CTRL) |= 1u << 26;
            R(IMS) = 0;
            reset_reads = reads;
        }
        break;
    case ICS:
        cause(value);
        break;
    case IMS:
        R(IMS) |= value;
        break;
    case IMC:
        R(IMS) &= ~value;
        break;
    case RDT:
        hand_receive(value);
        break;
    case TDT:
        hand_transmit(value);
        if (!hold_transmit) {
            nic_transmit_some(SIZE_MAX, 0);
        }
        break;
    case STATUS:
        complain("write to STATUS");
        break;
    default:
        if ((R(RCTL) & 2) && offset >= RDBAL && offset <= RDH) {
            complain("receive ring moved while reception is on");
        }
        R(offset) = value;
    }
}
