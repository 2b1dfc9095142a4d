/* Two queues with faults at their entrance. */
#include "link.h"

#include <stdlib.h>
#include <string.h>

struct packet {
    struct packet *next;
    size_t size;
    uint8_t bytes[];
};

struct link_faults link_faults;
bool link_is_up = true;
uint32_t link_busy;

static struct packet *arriving, *departing;
static uint32_t state = 1;

void link_seed(uint32_t seed) { state = seed * 2654435761u + 1; }

uint32_t link_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static bool happens(uint32_t chance) { return (link_random() & 0xffff) < chance; }

static void append(struct packet **queue, const uint8_t *bytes, size_t size) {
    struct packet *packet = malloc(sizeof *packet + size);
    packet->size = size;
    memcpy(packet->bytes, bytes, size);
    if (happens(link_faults.corrupt) && size > 14) {
        size_t at = 14 + link_random() % (size - 14);
        packet->bytes[at] ^= (uint8_t)(1u << link_random() % 8);
    }
    size_t length = 0, behind = 0;
    for (struct packet *p = *queue; p; p = p->next)
        length++;
    if (happens(link_faults.reorder))
        behind = 1 + link_random() % 4; /* overtakes this many */
    size_t place = length > behind ? length - behind : 0;
    while (place-- > 0)
        queue = &(*queue)->next;
    packet->next = *queue;
    *queue = packet;
}

static void enter(struct packet **queue, const uint8_t *bytes, size_t size) {
    if (happens(link_faults.drop))
        return;
    append(queue, bytes, size);
    if (happens(link_faults.duplicate))
        append(queue, bytes, size);
}

void link_arrive(const uint8_t *frame, size_t size) { enter(&arriving, frame, size); }

bool link_departed(uint8_t *frame, size_t capacity, size_t *size) {
    struct packet *packet = departing;
    if (!packet || packet->size > capacity)
        return false;
    departing = packet->next;
    *size = packet->size;
    memcpy(frame, packet->bytes, packet->size);
    free(packet);
    return true;
}

static bool link_up(struct nic *nic) {
    (void)nic;
    return link_is_up;
}

static bool transmit(struct nic *nic, const uint8_t *frame, size_t size) {
    (void)nic;
    if (link_busy) {
        link_busy--;
        return false;
    }
    if (size < 14 || size > 1514)
        abort(); /* the contract of nic.h */
    enter(&departing, frame, size);
    return true;
}

static size_t receive(struct nic *nic, size_t most,
                      void (*deliver)(void *context, const uint8_t *frame, size_t size),
                      void *context) {
    size_t count = 0;
    (void)nic;
    for (; count < most && arriving; count++) {
        struct packet *packet = arriving;
        arriving = packet->next;
        /* A block of exactly the frame's size: the sanitizer sees a read beyond it. */
        uint8_t *exact = malloc(packet->size ? packet->size : 1);
        memcpy(exact, packet->bytes, packet->size);
        deliver(context, exact, packet->size);
        free(exact);
        free(packet);
    }
    return count;
}

static struct nic_counters counters(struct nic *nic) {
    (void)nic;
    return (struct nic_counters){0};
}

struct nic link_nic = {
    .mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
    .link_up = link_up,
    .transmit = transmit,
    .receive = receive,
    .counters = counters,
};
