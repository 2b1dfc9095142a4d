/* Intel 8254x Ethernet. Read first: the Software Developer's Manual, sections 3.2 (receive), 3.3
 * (transmit) and 14.3 to 14.5 (initialisation); generated/devices/e1000.md has the registers.
 *
 * Both rings hold RING descriptors with a buffer each, allocated once. The device owns the
 * descriptors from head up to, not including, tail; so one descriptor of a ring always stays with
 * the driver, else full and empty would look alike (3.2.6, 3.4). */
#include "e1000.h"

#include <string.h>

#include "devices/e1000.h"
#include "heap.h"
#include "irq.h"
#include "log.h"
#include "panic.h"
#include "pci.h"
#include "platform.h"

#define RING 256
#define BUFFER ((size_t)2048)      /* octets of a receive buffer, as RCTL.BSIZE says */
#define FRAME_PADDED 60            /* least on the wire, without FCS */
#define HAND_BACK 16               /* descriptors per write of RDT: every write leaves the guest */
#define RESET_NANOSECONDS 20000000 /* for the reset and the EEPROM's auto-read after it */

static struct e1000 {
    struct nic nic; /* first, so that a struct nic * is a struct e1000 * */
    volatile void *registers;
    volatile struct e1000_rx_descriptor *receive_ring;
    volatile struct e1000_tx_descriptor *transmit_ring;
    uint8_t *receive_buffers, *transmit_buffers; /* RING of BUFFER octets each */
    unsigned receive_next;                       /* descriptor that the device fills next */
    unsigned transmit_next;                      /* descriptor that the driver fills next: TDT */
    unsigned transmit_oldest;                    /* not yet reported as sent, or transmit_next */
    bool in_long_frame;                          /* dropping descriptors up to one with EOP */
    bool waiting_for_space;                      /* the TXDW interrupt is on */
    bool link_was_up;
    uint64_t missed_logged;
    volatile uint32_t causes; /* seen by the interrupt handler, not yet by the driver */
    uint8_t interrupt_line;
    struct e1000_statistics statistics;
} device;

static struct e1000 *self(struct nic *nic) { return (struct e1000 *)nic; }

/* Logs the first of a kind and then every time its count doubles, so that a flood stays readable.
 */
static bool worth_logging(uint64_t count) { return (count & (count - 1)) == 0; }

static void acknowledge(void *context) {
    struct e1000 *e = context;
    e->causes |= e1000_icr_read(e->registers);
}

static bool link_up(struct nic *nic) {
    struct e1000 *e = self(nic);
    uint32_t status = e1000_status_read(e->registers);
    bool up = e1000_status_lu_get(status);
    if (up != e->link_was_up) {
        static const char *const speeds[] = {"10", "100", "1000", "1000"};
        e->link_was_up = up;
        if (up) {
            log_info("e1000", "link up, %s Mb/s, %s duplex", speeds[e1000_status_speed_get(status)],
                     e1000_status_fd_get(status) ? "full" : "half");
        } else {
            log_warn("e1000", "link down");
        }
    }
    return up;
}

/* Takes over what the device has sent: frees its descriptors and counts failures. */
static void reclaim(struct e1000 *e) {
    while (e->transmit_oldest != e->transmit_next) {
        uint8_t status = e->transmit_ring[e->transmit_oldest].status;
        if (!e1000_tx_descriptor_status_dd_get(status)) {
            return;
        }
        if (status & (E1000_TX_DESCRIPTOR_STATUS_EC_MASK | E1000_TX_DESCRIPTOR_STATUS_LC_MASK)) {
            if (worth_logging(++e->statistics.transmit_errors)) {
                log_warn("e1000", "%llu frames lost to collisions",
                         (unsigned long long)e->statistics.transmit_errors);
            }
        } else {
            e->statistics.transmitted++;
        }
        e->transmit_oldest = (e->transmit_oldest + 1) % RING;
    }
}

/* TXDW interrupts are wanted only while somebody waits for space; else each frame sent would end
 * the machine's sleep. */
static void wait_for_space(struct e1000 *e, bool wait) {
    if (wait != e->waiting_for_space) {
        e->waiting_for_space = wait;
        if (wait) {
            e1000_ims_write(e->registers, E1000_ICR_TXDW_MASK);
        } else {
            e1000_imc_write(e->registers, E1000_ICR_TXDW_MASK);
        }
    }
}

static bool transmit(struct nic *nic, const uint8_t *frame, size_t size) {
    struct e1000 *e = self(nic);
    kernel_assert(size >= NIC_FRAME_LEAST && size <= NIC_FRAME_MOST);
    unsigned next = (e->transmit_next + 1) % RING;
    if (next == e->transmit_oldest) {
        reclaim(e);
        if (next == e->transmit_oldest) {
            e->statistics.transmit_full++;
            wait_for_space(e, true);
            return false;
        }
    }
    wait_for_space(e, false);
    uint8_t *buffer = e->transmit_buffers + e->transmit_next * BUFFER;
    memcpy(buffer, frame, size);
    if (size < FRAME_PADDED) {
        memset(buffer + size, 0, FRAME_PADDED - size);
        size = FRAME_PADDED;
    }
    volatile struct e1000_tx_descriptor *descriptor = &e->transmit_ring[e->transmit_next];
    descriptor->length = (uint16_t)size;
    descriptor->status = 0;
    descriptor->cmd = E1000_TX_DESCRIPTOR_CMD_EOP_MASK | E1000_TX_DESCRIPTOR_CMD_IFCS_MASK |
                      E1000_TX_DESCRIPTOR_CMD_RS_MASK;
    e->transmit_next = next;
    e1000_tdt_write(e->registers, next);
    return true;
}

/* Adds the device's counters, which reading clears, to the driver's. */
static void read_counters(struct e1000 *e) {
    e->statistics.receive_missed += e1000_mpc_read(e->registers);
    e->statistics.receive_errors += e1000_crcerrs_read(e->registers) +
                                    e1000_symerrs_read(e->registers) +
                                    e1000_rxerrc_read(e->registers) + e1000_rlec_read(e->registers);
}

/* True if descriptor's buffer holds a whole, good frame; else counts why not. */
static bool acceptable(struct e1000 *e, uint8_t status, uint8_t errors, uint16_t length) {
    bool ends = e1000_rx_descriptor_status_eop_get(status);
    if (e->in_long_frame || !ends) {
        e->in_long_frame = !ends;
        if (ends && worth_logging(++e->statistics.receive_long)) {
            log_warn("e1000", "dropped %llu frames longer than a buffer",
                     (unsigned long long)e->statistics.receive_long);
        }
        return false;
    }
    if (errors & (E1000_RX_DESCRIPTOR_ERRORS_CE_MASK | E1000_RX_DESCRIPTOR_ERRORS_SE_MASK |
                  E1000_RX_DESCRIPTOR_ERRORS_SEQ_MASK | E1000_RX_DESCRIPTOR_ERRORS_CXE_MASK |
                  E1000_RX_DESCRIPTOR_ERRORS_RXE_MASK)) {
        if (worth_logging(++e->statistics.receive_errors)) {
            log_warn("e1000", "dropped %llu damaged frames, errors %02x",
                     (unsigned long long)e->statistics.receive_errors, errors);
        }
        return false;
    }
    if (length < NIC_FRAME_LEAST || length > BUFFER) {
        if (worth_logging(++e->statistics.receive_runts)) {
            log_warn("e1000", "dropped %llu frames of impossible length, now %u",
                     (unsigned long long)e->statistics.receive_runts, length);
        }
        return false;
    }
    return true;
}

static size_t receive(struct nic *nic, size_t most,
                      void (*deliver)(void *context, const uint8_t *frame, size_t size),
                      void *context) {
    struct e1000 *e = self(nic);
    if (e->causes & E1000_ICR_RXO_MASK) {
        e->causes = 0; /* interrupts are off while anything but platform_idle runs */
        read_counters(e);
        if (e->statistics.receive_missed >= 2 * e->missed_logged) {
            e->missed_logged = e->statistics.receive_missed;
            log_warn("e1000", "missed %llu frames for want of buffers",
                     (unsigned long long)e->missed_logged);
        }
    }
    size_t count = 0, pending = 0;
    for (unsigned looked_at = 0; count < most && looked_at < RING; looked_at++) {
        unsigned at = e->receive_next;
        volatile struct e1000_rx_descriptor *descriptor = &e->receive_ring[at];
        uint8_t status = descriptor->status;
        if (!e1000_rx_descriptor_status_dd_get(status)) {
            break;
        }
        /* The device writes DD last; x86 does not let the reads below overtake the one above. */
        uint16_t length = descriptor->length;
        if (acceptable(e, status, descriptor->errors, length)) {
            e->statistics.received++;
            count++;
            deliver(context, e->receive_buffers + at * BUFFER, length);
        }
        descriptor->status = 0;
        e->receive_next = (at + 1) % RING;
        if (++pending == HAND_BACK) {
            e1000_rdt_write(e->registers, at);
            pending = 0;
        }
    }
    if (pending > 0) {
        e1000_rdt_write(e->registers, (e->receive_next + RING - 1) % RING);
    }
    return count;
}

/* The word at `address` of the EEPROM (5.3.1). False if the device never answers. */
static bool eeprom_word(struct e1000 *e, uint8_t address, uint16_t *word) {
    uint32_t request = e1000_eerd_addr_set(E1000_EERD_START_MASK, address);
    e1000_eerd_write(e->registers, request);
    uint64_t deadline = clock_nanoseconds() + RESET_NANOSECONDS;
    do {
        uint32_t answer = e1000_eerd_read(e->registers);
        if (e1000_eerd_done_get(answer)) {
            *word = (uint16_t)e1000_eerd_data_get(answer);
            return true;
        }
    } while (clock_nanoseconds() < deadline);
    return false;
}

/* The station address: what the device loaded into RAL/RAH 0 after the reset (13.5.2), else the
 * EEPROM's first three words (5.6.1). Leaves it in RAL/RAH 0. */
static bool read_mac(struct e1000 *e) {
    uint8_t *mac = e->nic.mac;
    uint32_t low = e1000_ral_read(e->registers, 0), high = e1000_rah_read(e->registers, 0);
    if (!e1000_rah_av_get(high) || low == 0) {
        uint16_t words[3];
        for (uint8_t i = 0; i < 3; i++) {
            if (!eeprom_word(e, i, &words[i])) {
                return false;
            }
        }
        low = words[0] | (uint32_t)words[1] << 16;
        high = words[2];
    }
    for (unsigned i = 0; i < 4; i++) {
        mac[i] = (uint8_t)(low >> 8 * i);
    }
    mac[4] = (uint8_t)high;
    mac[5] = (uint8_t)(high >> 8);
    e1000_ral_write(e->registers, 0, low);
    e1000_rah_write(e->registers, 0, (high & E1000_RAH_RAH_MASK) | E1000_RAH_AV_MASK);
    return (low | high) != 0 && (mac[0] & 1) == 0;
}

/* 14.3: quiet, reset, quiet again, then the general configuration. */
static bool reset(struct e1000 *e) {
    volatile void *registers = e->registers;
    e1000_imc_write(registers, 0xffffffff);
    e1000_rctl_write(registers, 0);
    e1000_tctl_write(registers, 0);
    uint32_t control = e1000_ctrl_read(registers);
    e1000_ctrl_write(registers, e1000_ctrl_rst_set(control, true));
    uint64_t deadline = clock_nanoseconds() + RESET_NANOSECONDS;
    bool loaded = false;
    while (clock_nanoseconds() < deadline && !loaded) {
        loaded = !e1000_ctrl_rst_get(e1000_ctrl_read(registers)) &&
                 e1000_rah_av_get(e1000_rah_read(registers, 0));
    }
    control = e1000_ctrl_read(registers);
    if (e1000_ctrl_rst_get(control)) {
        return false;
    }
    e1000_imc_write(registers, 0xffffffff);
    e1000_icr_read(registers);
    control |= E1000_CTRL_SLU_MASK | E1000_CTRL_ASDE_MASK;
    control &= ~(E1000_CTRL_LRST_MASK | E1000_CTRL_PHY_RST_MASK | E1000_CTRL_ILOS_MASK |
                 E1000_CTRL_VME_MASK | E1000_CTRL_RFCE_MASK | E1000_CTRL_TFCE_MASK);
    e1000_ctrl_write(registers, control);
    e1000_fcal_write(registers, 0);
    e1000_fcah_write(registers, 0);
    e1000_fct_write(registers, 0);
    e1000_fcttv_write(registers, 0);
    return true;
}

/* Both rings and all buffers, permanent: about 1 MiB. */
static bool reserve_rings(struct e1000 *e) {
    e->receive_ring = memory_reserve(RING * sizeof *e->receive_ring);
    e->transmit_ring = memory_reserve(RING * sizeof *e->transmit_ring);
    e->receive_buffers = memory_reserve(RING * BUFFER);
    e->transmit_buffers = memory_reserve(RING * BUFFER);
    return e->receive_ring && e->transmit_ring && e->receive_buffers && e->transmit_buffers;
}

/* 14.4. All but one descriptor go to the device. QEMU's 82540EM takes no frame for a second after
 * each write of RCTL (its 82574L does at once), so this one is the last. */
static void start_receive(struct e1000 *e) {
    volatile void *registers = e->registers;
    for (unsigned i = 1; i < E1000_RAH_COUNT; i++) {
        e1000_rah_write(registers, i, 0);
    }
    for (unsigned i = 0; i < E1000_MTA_COUNT; i++) {
        e1000_mta_write(registers, i, 0);
    }
    for (unsigned i = 0; i < RING; i++) {
        e->receive_ring[i].address = (uintptr_t)(e->receive_buffers + i * BUFFER);
        e->receive_ring[i].status = 0;
    }
    uint64_t ring = (uintptr_t)e->receive_ring;
    e1000_rdbal_write(registers, (uint32_t)ring);
    e1000_rdbah_write(registers, (uint32_t)(ring >> 32));
    e1000_rdlen_write(registers, RING * E1000_RX_DESCRIPTOR_SIZE);
    e1000_rdtr_write(registers, 0);
    e1000_rdh_write(registers, 0);
    e1000_rdt_write(registers, RING - 1);
    e1000_rctl_write(registers, E1000_RCTL_EN_MASK | E1000_RCTL_BAM_MASK | E1000_RCTL_SECRC_MASK |
                                    e1000_rctl_bsize_set(0, E1000_RCTL_BSIZE_2048));
}

/* 14.5. */
static void start_transmit(struct e1000 *e) {
    volatile void *registers = e->registers;
    for (unsigned i = 0; i < RING; i++) {
        e->transmit_ring[i].address = (uintptr_t)(e->transmit_buffers + i * BUFFER);
    }
    uint64_t ring = (uintptr_t)e->transmit_ring;
    e1000_tdbal_write(registers, (uint32_t)ring);
    e1000_tdbah_write(registers, (uint32_t)(ring >> 32));
    e1000_tdlen_write(registers, RING * E1000_TX_DESCRIPTOR_SIZE);
    e1000_tdh_write(registers, 0);
    e1000_tdt_write(registers, 0);
    uint32_t gap = e1000_tipg_ipgt_set(0, 10);
    e1000_tipg_write(registers, e1000_tipg_ipgr2_set(e1000_tipg_ipgr1_set(gap, 8), 6));
    uint32_t control = e1000_tctl_ct_set(E1000_TCTL_EN_MASK | E1000_TCTL_PSP_MASK, 0x0f);
    e1000_tctl_write(registers, e1000_tctl_cold_set(control, 0x40));
}

/* Interrupts end the machine's sleep when frames arrive or the link changes. */
static void start_interrupts(struct e1000 *e) {
    if (e->interrupt_line == PCI_NO_INTERRUPT) {
        log_warn("e1000", "no interrupt line; the device is only polled");
        return;
    }
    irq_attach(e->interrupt_line, acknowledge, e);
    e1000_itr_write(e->registers, 0);
    e1000_ims_write(e->registers, E1000_ICR_RXT0_MASK | E1000_ICR_RXDMT0_MASK | E1000_ICR_RXO_MASK |
                                      E1000_ICR_LSC_MASK);
}

bool e1000_start(struct nic **nic) {
    struct e1000 *e = &device;
    struct pci_function function;
    const struct pci_id *id;
    struct pci_range range;
    if (!pci_find(e1000_pci_ids, E1000_PCI_IDS_COUNT, &function, &id)) {
        return false;
    }
    if (!pci_range(function.address, 0, &range) || range.io) {
        log_error("e1000", "%s has no memory range in its first base address register", id->name);
        return false;
    }
    pci_enable(function.address);
    e->registers = arch_map_device(range.physical, (size_t)range.size);
    e->interrupt_line = function.interrupt_line;
    if (e->registers == NULL || !reset(e)) {
        log_error("e1000", "%s does not come out of reset", id->name);
        return false;
    }
    if (!read_mac(e)) {
        log_error("e1000", "%s has no station address, neither in RAL nor in its EEPROM", id->name);
        return false;
    }
    if (!reserve_rings(e)) {
        log_error("e1000", "no memory for two rings of %u buffers of %zu bytes", RING, BUFFER);
        return false;
    }
    read_counters(e); /* unknown after power-up (13.7): cleared by reading */
    memset(&e->statistics, 0, sizeof e->statistics);
    start_receive(e);
    start_transmit(e);
    start_interrupts(e);
    e->nic.link_up = link_up;
    e->nic.transmit = transmit;
    e->nic.receive = receive;
    const uint8_t *mac = e->nic.mac;
    log_info("e1000", "%s at %02x:%02x.%u, MAC %02x:%02x:%02x:%02x:%02x:%02x, interrupt %u",
             id->name, function.address.bus, function.address.device, function.address.function,
             mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], e->interrupt_line);
    *nic = &e->nic;
    return true;
}

struct e1000_statistics e1000_statistics(struct nic *nic) {
    struct e1000 *e = self(nic);
    read_counters(e);
    reclaim(e);
    return e->statistics;
}
