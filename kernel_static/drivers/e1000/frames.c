/* Frames of an Intel 8254x: the rings, in both directions. Read first: the Software Developer's
 * Manual, sections 3.2 (receive) and 3.3 (transmit); generated/devices/e1000.md has the registers.
 */
#include "device.h"

#include <string.h>

#include "log.h"
#include "panic.h"

#define FRAME_PADDED 60 /* least on the wire, without FCS */
#define HAND_BACK 16    /* descriptors per write of RDT: every write leaves the guest */

static struct e1000 *self(struct nic *nic) { return (struct e1000 *)nic; }

/* Logs the first of a kind and then every time its count doubles, so that a flood stays readable.
 */
static bool worth_logging(uint64_t count) { return (count & (count - 1)) == 0; }

bool e1000_link_up(struct nic *nic) {
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
        if (!e1000_tx_descriptor_status_dd_get(status))
            return;
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
        if (wait)
            e1000_ims_write(e->registers, E1000_ICR_TXDW_MASK);
        else
            e1000_imc_write(e->registers, E1000_ICR_TXDW_MASK);
    }
}

bool e1000_transmit(struct nic *nic, const uint8_t *frame, size_t size) {
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
    e->sent_octets += size;
    e->transmit_next = next;
    e1000_tdt_write(e->registers, next);
    return true;
}

void e1000_read_counters(struct e1000 *e) {
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

size_t e1000_receive(struct nic *nic, size_t most,
                     void (*deliver)(void *context, const uint8_t *frame, size_t size),
                     void *context) {
    struct e1000 *e = self(nic);
    if (e->causes & E1000_ICR_RXO_MASK) {
        e->causes = 0; /* interrupts are off while anything but platform_idle runs */
        e1000_read_counters(e);
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
        if (!e1000_rx_descriptor_status_dd_get(status))
            break;
        /* The device writes DD last; x86 does not let the reads below overtake the one above. */
        uint16_t length = descriptor->length;
        if (acceptable(e, status, descriptor->errors, length)) {
            e->statistics.received++;
            e->received_octets += length;
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
    if (pending > 0)
        e1000_rdt_write(e->registers, (e->receive_next + RING - 1) % RING);
    return count;
}

struct e1000_statistics e1000_statistics(struct nic *nic) {
    struct e1000 *e = self(nic);
    e1000_read_counters(e);
    reclaim(e);
    return e->statistics;
}

struct nic_counters e1000_counters(struct nic *nic) {
    struct e1000_statistics all = e1000_statistics(nic);
    return (struct nic_counters){
        .received = all.received,
        .received_octets = self(nic)->received_octets,
        .sent = all.transmitted,
        .sent_octets = self(nic)->sent_octets,
        .damaged = all.receive_errors,
        .too_long = all.receive_long,
        .too_short = all.receive_runts,
        .no_room = all.receive_missed,
        .not_sent = all.transmit_errors,
        .ring_full = all.transmit_full,
    };
}
