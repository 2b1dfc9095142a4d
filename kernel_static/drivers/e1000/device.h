/* The device as both files of the driver know it.
 *
 * Both rings hold RING descriptors with a buffer each, allocated once. The device owns the
 * descriptors from head up to, not including, tail; so one descriptor of a ring always stays with
 * the driver, else full and empty would look alike (3.2.6, 3.4). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devices/e1000.h"
#include "e1000.h"

#define RING 256
#define BUFFER ((size_t)2048) /* octets of a receive buffer, as RCTL.BSIZE says */

struct e1000 {
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
    uint64_t received_octets, sent_octets;
};

/* The driver's functions of a struct nic (nic.h). */
bool e1000_link_up(struct nic *nic);
bool e1000_transmit(struct nic *nic, const uint8_t *frame, size_t size);
size_t e1000_receive(struct nic *nic, size_t most,
                     void (*deliver)(void *context, const uint8_t *frame, size_t size),
                     void *context);

struct nic_counters e1000_counters(struct nic *nic);

/* Adds the device's counters, which reading clears, to the driver's. */
void e1000_read_counters(struct e1000 *e);
