/* Texts one after another. */
#pragma once

#include <stddef.h>

#include "arena.h"
#include "text.h"

/* The parts, which `part` gives by their index, as one text in the arena; bytes null if memory ran
 * out. */
struct text join(struct arena *arena, size_t count,
                 struct text (*part)(const void *parts, size_t index), const void *parts);
