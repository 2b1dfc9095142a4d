/* The neighbour cache. An address is learned only from an answer to our question or from somebody
 * who asks for ours, so that strangers cannot fill the cache. */
#include "arp.h"

#include <string.h>

#include "address.h"
#include "heap.h"
#include "log.h"
#include "protocols/arp.h"
#include "protocols/ethernet.h"

#define FRAME_SIZE (ETHERNET_HEADER_SIZE + ARP_HEADER_SIZE)

static void arp_input(void *context, const uint8_t source[6], const uint8_t *bytes, size_t size);

void arp_open(struct arp *arp, struct net *net, struct ethernet *ethernet) {
    *arp = (struct arp){.net = net, .ethernet = ethernet};
    ethernet_register(ethernet, ETHERNET_ETHERTYPE_ARP, arp_input, arp);
}

static bool emit(struct arp *arp, uint16_t operation, const uint8_t *destination,
                 const uint8_t *target_mac, uint32_t target) {
    uint8_t frame[FRAME_SIZE];
    uint8_t *header = frame + ETHERNET_HEADER_SIZE;
    arp_start(header);
    arp_set_operation(header, operation);
    arp_set_sender_mac(header, arp->ethernet->nic->mac);
    arp_set_sender_ip(header, arp->address);
    if (target_mac)
        arp_set_target_mac(header, target_mac);
    arp_set_target_ip(header, target);
    return ethernet_send(arp->ethernet, destination, ETHERNET_ETHERTYPE_ARP, frame, FRAME_SIZE);
}

/* Tells everybody, who may have an older answer, that the address is ours (RFC 5227, 2.3). */
static void announce(struct arp *arp) {
    emit(arp, ARP_OPERATION_REQUEST, ethernet_broadcast, NULL, arp->address);
}

static void drop_oldest(struct arp_entry *entry) {
    heap_release(entry->waiting[0].frame);
    entry->waiting_count--;
    memmove(&entry->waiting[0], &entry->waiting[1],
            entry->waiting_count * sizeof entry->waiting[0]);
}

static void forget(struct arp_entry *entry) {
    while (entry->waiting_count)
        drop_oldest(entry);
    *entry = (struct arp_entry){0};
}

void arp_configure(struct arp *arp, uint32_t address, uint32_t mask) {
    for (size_t i = 0; i < ARP_ENTRIES; i++)
        forget(&arp->entries[i]);
    arp->address = address;
    arp->mask = mask;
    arp->conflict_at = 0;
    if (address)
        announce(arp);
}

static struct arp_entry *find(struct arp *arp, uint32_t address) {
    for (size_t i = 0; i < ARP_ENTRIES; i++)
        if (arp->entries[i].address == address)
            return &arp->entries[i];
    return NULL;
}

/* A fresh entry; when all are taken, the one whose end or next question comes first goes. */
static struct arp_entry *make(struct arp *arp, uint32_t address) {
    struct arp_entry *oldest = &arp->entries[0];
    for (size_t i = 0; i < ARP_ENTRIES && oldest->address; i++) {
        struct arp_entry *entry = &arp->entries[i];
        if (!entry->address || (entry->resolved ? entry->expires : entry->ask_at) <
                                   (oldest->resolved ? oldest->expires : oldest->ask_at))
            oldest = entry;
    }
    forget(oldest);
    oldest->address = address;
    return oldest;
}

static void learn(struct arp *arp, struct arp_entry *entry, const uint8_t hardware[6]) {
    uint64_t now = net_now(arp->net);
    memcpy(entry->hardware, hardware, 6);
    entry->resolved = true;
    entry->tries = 0;
    entry->expires = now + ARP_LIFETIME;
    entry->ask_at = now + ARP_LIFETIME / 4 * 3;
    arp->net->counters.arp_learned++;
    while (entry->waiting_count) {
        ethernet_send(arp->ethernet, hardware, ETHERNET_ETHERTYPE_IPV4, entry->waiting[0].frame,
                      entry->waiting[0].size);
        drop_oldest(entry);
    }
}

/* Somebody uses our address: defend it once, and if they insist, report (RFC 5227, 2.4 (b)). */
static void conflict(struct arp *arp, const uint8_t *mac) {
    uint64_t now = net_now(arp->net);
    bool insists = arp->conflict_at && now - arp->conflict_at < ARP_DEFEND_INTERVAL;
    arp->net->counters.arp_conflicts++;
    log_warn("arp", "%s is also used by %02x:%02x:%02x:%02x:%02x:%02x",
             address_format(arp->address).text, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    if (!insists) {
        arp->conflict_at = now ? now : 1;
        announce(arp);
    } else if (arp->conflict) {
        arp->conflict(arp->conflict_context);
    }
}

static void arp_input(void *context, const uint8_t source[6], const uint8_t *bytes, size_t size) {
    struct arp *arp = context;
    struct arp_view view;
    uint64_t *malformed = &arp->net->counters.arp_malformed;
    if (!arp_check(bytes, size, &view)) {
        net_drop(malformed, "arp", "not IPv4 over Ethernet, or cut short");
        return;
    }
    uint32_t sender = arp_sender_ip(view), host = sender & ~arp->mask;
    const uint8_t *mac = arp_sender_mac(view);
    if (memcmp(mac, source, 6)) {
        net_drop(malformed, "arp", "sender differs from the frame's source");
        return;
    }
    if (arp_operation(view) != ARP_OPERATION_REQUEST &&
        arp_operation(view) != ARP_OPERATION_REPLY) {
        net_drop(malformed, "arp", "neither request nor reply");
        return;
    }
    if (!arp->address || !memcmp(mac, arp->ethernet->nic->mac, 6))
        return;
    if (sender == arp->address) {
        conflict(arp, mac);
        return;
    }
    bool asks_us =
        arp_operation(view) == ARP_OPERATION_REQUEST && arp_target_ip(view) == arp->address;
    bool neighbour = !((sender ^ arp->address) & arp->mask) &&
                     (arp->mask >= address_mask(31) || (host && host != ~arp->mask));
    if (sender && !neighbour) { /* a sender of 0 is a probe (RFC 5227, 1.1) */
        net_drop(malformed, "arp", "sender is not of this network");
        return;
    }
    if (sender) {
        struct arp_entry *entry = find(arp, sender);
        if (!entry && asks_us)
            entry = make(arp, sender);
        if (entry)
            learn(arp, entry, mac);
    }
    if (asks_us)
        emit(arp, ARP_OPERATION_REPLY, mac, mac, sender);
}

static void ask(struct arp *arp, struct arp_entry *entry) {
    emit(arp, ARP_OPERATION_REQUEST, ethernet_broadcast, NULL, entry->address);
    entry->ask_at = net_now(arp->net) + ARP_RETRY;
    entry->tries++;
}

void arp_prepare(struct arp *arp, uint32_t address) {
    if (!find(arp, address))
        ask(arp, make(arp, address));
}

bool arp_send(struct arp *arp, uint32_t address, uint8_t *frame, size_t size) {
    struct arp_entry *entry = find(arp, address);
    if (entry && entry->resolved && net_now(arp->net) >= entry->expires) {
        forget(entry);
        entry = NULL;
    }
    if (entry && entry->resolved) {
        if (net_now(arp->net) >= entry->ask_at)
            ask(arp, entry); /* in use: confirm it before it ends */
        return ethernet_send(arp->ethernet, entry->hardware, ETHERNET_ETHERTYPE_IPV4, frame, size);
    }
    if (!entry) {
        entry = make(arp, address);
        ask(arp, entry);
    }
    uint8_t *kept = heap_allocate(size);
    if (!kept)
        return false;
    if (entry->waiting_count == ARP_WAITING)
        drop_oldest(entry);
    memcpy(kept, frame, size);
    entry->waiting[entry->waiting_count++] = (struct arp_waiting){kept, size};
    return true;
}

bool arp_poll(struct arp *arp) {
    uint64_t now = net_now(arp->net);
    bool busy = false;
    for (size_t i = 0; i < ARP_ENTRIES; i++) {
        struct arp_entry *entry = &arp->entries[i];
        if (!entry->address || now < (entry->resolved ? entry->expires : entry->ask_at))
            continue;
        busy = true;
        if (!entry->resolved && entry->tries < ARP_TRIES) {
            ask(arp, entry);
            continue;
        }
        if (!entry->resolved)
            net_drop(&arp->net->counters.arp_unresolved, "arp", "a neighbour does not answer");
        forget(entry);
    }
    return busy;
}

uint64_t arp_deadline(const struct arp *arp) {
    uint64_t deadline = NET_NEVER;
    for (size_t i = 0; i < ARP_ENTRIES; i++) {
        const struct arp_entry *entry = &arp->entries[i];
        if (entry->address)
            deadline = net_earlier(deadline, entry->resolved ? entry->expires : entry->ask_at);
    }
    return deadline;
}
