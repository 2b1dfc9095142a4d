/* The level of the page tables at which the targets differ. */
#pragma once

#include <stdint.h>

/* Size of the directory-pointer table, in entries of one GiB each. */
extern const unsigned paging_pointers;

/* Bits of a directory-pointer entry beside the address (PAE allows only "present"). */
extern const uint64_t paging_pointer_bits;

/* Loads the root over this directory-pointer table and turns paging and write protection on. */
void paging_load(const uint64_t *pointers);
