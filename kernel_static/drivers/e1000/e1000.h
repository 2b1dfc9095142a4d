/* The e1000 driver's own face: what drivers/nic.c starts and what tests look at. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nic.h"

/* What happened to frames since the start. */
struct e1000_statistics {
    uint64_t received, transmitted;
    uint64_t receive_errors;  /* dropped: the device marked the descriptor */
    uint64_t receive_long;    /* dropped: a frame of more than one descriptor */
    uint64_t receive_runts;   /* dropped: shorter than an Ethernet header */
    uint64_t receive_missed;  /* lost by the device: no free descriptor or FIFO space */
    uint64_t transmit_errors; /* collisions; the frame was not sent */
    uint64_t transmit_full;   /* transmit calls refused because the ring was full */
};

/* Finds, resets and starts the first e1000. False, having logged why, if there is none or it does
 * not work. Called once. */
bool e1000_start(struct nic **nic);

/* Reads and adds up the device's own counters too. */
struct e1000_statistics e1000_statistics(struct nic *nic);
