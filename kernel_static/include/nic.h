/* One Ethernet device, as the network stack sees it. Implemented by a file of drivers/ for each
 * kind of device; tests implement it with a fault-injecting link. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of a frame without FCS: a header alone, and with all that Ethernet carries (RFC 894). */
#define NIC_PAYLOAD_MOST 1500
#define NIC_FRAME_LEAST 14
#define NIC_FRAME_MOST (NIC_FRAME_LEAST + NIC_PAYLOAD_MOST)

/* What happened to frames since the start. */
struct nic_counters {
    uint64_t received, received_octets, sent, sent_octets;
    uint64_t damaged, too_long, too_short; /* dropped by the driver, as the device marked them */
    uint64_t no_room;   /* lost by the device: no free descriptor or FIFO space */
    uint64_t not_sent;  /* given up by the device: collisions */
    uint64_t ring_full; /* calls of `transmit` that found no room */
};

struct nic {
    uint8_t mac[6];
    bool (*link_up)(struct nic *nic);
    /* Copies one frame (NIC_FRAME_LEAST to NIC_FRAME_MOST octets) into the transmit ring. False if
     * the ring is full; the caller keeps the frame and tries later. */
    bool (*transmit)(struct nic *nic, const uint8_t *frame, size_t size);
    /* Hands received frames, oldest first and at most `most`, to `deliver`, which must not keep
     * the pointer. Returns how many. */
    size_t (*receive)(struct nic *nic, size_t most,
                      void (*deliver)(void *context, const uint8_t *frame, size_t size),
                      void *context);
    /* Reads and adds up the device's own counters too. */
    struct nic_counters (*counters)(struct nic *nic);
};

/* `start` finds, resets and starts the first device that the driver drives. False, having logged
 * why unless there is none. Called once. */
struct nic_driver {
    const char *name;
    bool (*start)(struct nic **nic);
};

/* The appliance's drivers, in the order in which they are asked; generated. */
extern const struct nic_driver nic_drivers[];
extern const size_t nic_driver_count;

/* Finds and starts the first supported device (receive and transmit rings running, MAC read); the
 * same device on every call. Null, having logged why, if there is none. Implemented by
 * drivers/nic.c; called once, by transport_start. */
struct nic *nic_open(void);
