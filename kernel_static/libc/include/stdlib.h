/* Text to numbers (C11 7.22.1). There is no errno: a number out of range gives the nearest limit
 * (or infinity) and nothing else. */
#pragma once

#include <stddef.h>

long strtol(const char *restrict text, char **restrict end, int base);
unsigned long strtoul(const char *restrict text, char **restrict end, int base);
long long strtoll(const char *restrict text, char **restrict end, int base);
unsigned long long strtoull(const char *restrict text, char **restrict end, int base);

/* Decimal notation, inf and nan (no hexadecimal, no nan payload); correctly rounded. */
double strtod(const char *restrict text, char **restrict end);
