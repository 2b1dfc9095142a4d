/* A decimal number wide enough for any double: 0.DIGITS times ten to the power of point. Any
 * double has at most 767 significant digits, so conversions either way are exact. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_DIGITS_MAX 800

struct decimal {
    uint8_t digits[DECIMAL_DIGITS_MAX]; /* 0 to 9; neither first nor last is 0 */
    int count;                          /* 0: the number is zero */
    int point;
    bool inexact; /* non-zero digits behind the last were dropped */
};

/* The exact value of a finite double's magnitude. */
void decimal_from_double(struct decimal *decimal, double value);

/* The nearest double, ties to even; infinity when too large. */
double decimal_to_double(struct decimal *decimal);

/* Multiplies by two to this power. */
void decimal_shift(struct decimal *decimal, int power);

/* Keeps the first `count` digits (may be negative or 0), rounding half to even. */
void decimal_round(struct decimal *decimal, int count);

/* Drops trailing zeros, which digits filled in from outside may have. */
void decimal_trim(struct decimal *decimal);
