/* The packed model image: bulk data (weights, vocabulary, merges, Unicode tables) that rides
 * beside the code, checksummed and versioned against the generated code that reads it.
 * Written by cllm_gen/weights/pack.py; little-endian; every section starts on a 4,096-byte page.
 *
 *   offset  size  field
 *   0       8     magic "CLLMPACK"
 *   8       4     format version (2)
 *   12      4     section count
 *   16      32    fingerprint: SHA-256 of the layout of the served model (model.h)
 *   48      8     image size in bytes
 *   56      8     zero
 *   64      64*n  section table: name (24 bytes, zero padded), offset (8), size (8),
 *                 checksum (8), zero (16)
 *
 * Checksum: two running sums over little-endian 64-bit words (the tail padded with zeros),
 * low += word; high += low (both modulo 2^64); the value is low ^ rotate_left(high, 32). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/* Checks magic, version, size, fingerprint and the table's bounds, not yet the checksums.
 * On refusal logs what was found, what was expected and how to rebuild, and returns false. */
bool model_image_open(struct memory_span image);

/* The checksums of all sections in one number: of two images of one model it tells which this is.
 * 0 without an image. */
uint64_t model_image_checksum(void);

/* One section; `size` 0 and start null if there is none of that name. */
struct memory_span model_image_section(const char *name);

/* Checks the next 1 MiB of section contents. Returns true when everything has been checked;
 * *intact turns false on the first mismatch (which is logged with the section's name). */
bool model_image_verify(bool *intact);
