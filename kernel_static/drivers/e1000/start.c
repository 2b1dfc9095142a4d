/* Starting an Intel 8254x. Read first: the Software Developer's Manual, sections 14.3 to 14.5
 * (initialisation); generated/devices/e1000.md has the registers. */
#include "device.h"

#include <string.h>

#include "heap.h"
#include "irq.h"
#include "log.h"
#include "pci.h"
#include "platform.h"

#define RESET_NANOSECONDS 20000000 /* for the reset and the EEPROM's auto-read after it */

static struct e1000 device;

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
        for (uint8_t i = 0; i < 3; i++)
            if (!eeprom_word(e, i, &words[i]))
                return false;
        low = words[0] | (uint32_t)words[1] << 16;
        high = words[2];
    }
    for (unsigned i = 0; i < 4; i++)
        mac[i] = (uint8_t)(low >> 8 * i);
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
    if (e1000_ctrl_rst_get(control))
        return false;
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
    for (unsigned i = 1; i < E1000_RAH_COUNT; i++)
        e1000_rah_write(registers, i, 0);
    for (unsigned i = 0; i < E1000_MTA_COUNT; i++)
        e1000_mta_write(registers, i, 0);
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
    for (unsigned i = 0; i < RING; i++)
        e->transmit_ring[i].address = (uintptr_t)(e->transmit_buffers + i * BUFFER);
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

static void acknowledge(void *context) {
    struct e1000 *e = context;
    e->causes |= e1000_icr_read(e->registers);
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
    if (!pci_find(e1000_pci_ids, E1000_PCI_IDS_COUNT, &function, &id))
        return false;
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
    e1000_read_counters(e); /* unknown after power-up (13.7): cleared by reading */
    memset(&e->statistics, 0, sizeof e->statistics);
    start_receive(e);
    start_transmit(e);
    start_interrupts(e);
    e->nic.link_up = e1000_link_up;
    e->nic.transmit = e1000_transmit;
    e->nic.receive = e1000_receive;
    e->nic.counters = e1000_counters;
    const uint8_t *mac = e->nic.mac;
    log_info("e1000", "%s at %02x:%02x.%u, MAC %02x:%02x:%02x:%02x:%02x:%02x, interrupt %u",
             id->name, function.address.bus, function.address.device, function.address.function,
             mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], e->interrupt_line);
    *nic = &e->nic;
    return true;
}
