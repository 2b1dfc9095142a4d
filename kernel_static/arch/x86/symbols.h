/* The function names of this image, linked in by the second pass of the link. */
#pragma once

#include <stdint.h>

/* The function that holds address, or null; *offset is the distance from its start. */
const char *symbol_find(uintptr_t address, uintptr_t *offset);
