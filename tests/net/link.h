/* An Ethernet device whose wire loses, doubles, damages and reorders frames as told, both ways. */
#pragma once

#include "nic.h"

struct link_faults {
    uint32_t drop, duplicate, corrupt, reorder; /* in 65536ths */
};

extern struct link_faults link_faults;
extern bool link_is_up;
extern uint32_t link_busy; /* transmissions to refuse before the next one is taken */
extern struct nic link_nic;

uint32_t link_random(void);
void link_seed(uint32_t seed);
void link_arrive(const uint8_t *frame, size_t size);               /* towards the kernel */
bool link_departed(uint8_t *frame, size_t capacity, size_t *size); /* oldest frame it sent */
