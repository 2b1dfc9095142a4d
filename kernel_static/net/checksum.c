/* Sums 32 bits at a time in memory order: one's complement sums do not depend on byte order until
 * the result is stored (RFC 1071, section 2 (B)). */
#include "checksum.h"

#include <string.h>

#include "network_order.h"

uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t count) {
    for (; count >= 4; bytes += 4, count -= 4) {
        uint32_t word;
        memcpy(&word, bytes, sizeof word);
        sum += word;
    }
    if (count) {
        uint8_t tail[4] = {0};
        uint32_t word;
        for (size_t i = 0; i < count; i++)
            tail[i] = bytes[i];
        memcpy(&word, tail, sizeof word);
        sum += word;
    }
    return sum;
}

uint16_t checksum_finish(uint64_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    uint16_t folded = (uint16_t)~sum;
    uint8_t octets[2];
    memcpy(octets, &folded, sizeof octets);
    return network_load16(octets);
}

uint64_t checksum_pseudo_header(uint32_t source, uint32_t destination, uint8_t protocol,
                                size_t size) {
    uint8_t header[12];
    network_store32(header, source);
    network_store32(header + 4, destination);
    network_store16(header + 8, protocol);
    network_store16(header + 10, (uint16_t)size);
    return checksum_add(0, header, sizeof header);
}
