/* The Internet checksum (RFC 1071). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Adds `count` octets to a running sum that starts at 0. An odd count is only allowed in the last
 * piece, which is padded with a zero octet. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, size_t count);

/* The value for the header's checksum field (in host order); 0 over octets that already contain
 * a correct one. */
uint16_t checksum_finish(uint64_t sum);

/* The running sum of the pseudo-header of TCP (RFC 9293, 3.1) and UDP (RFC 768). */
uint64_t checksum_pseudo_header(uint32_t source, uint32_t destination, uint8_t protocol,
                                size_t size);
