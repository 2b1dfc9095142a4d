/* Real numbers to and from decimal text. The method is the plain one: hold the exact decimal
 * expansion as digits and multiply or divide it by powers of two until it is the mantissa wanted
 * (as in Nigel Tao's "simple decimal conversion"). A double has at most 767 significant digits. */
#include "decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_DIGITS_MAX 800
#define SHIFT_MAX 60        /* 9 << 60 plus a carry still fits 64 bits */
#define SHIFT_DIGITS_MAX 19 /* decimal digits that a shift by SHIFT_MAX may add */

void decimal_trim(struct decimal *decimal) {
    while (decimal->count > 0 && decimal->digits[decimal->count - 1] == 0)
        decimal->count--;
    if (decimal->count == 0)
        decimal->point = 0;
}

static void multiply_power_of_two(struct decimal *decimal, int power) {
    uint8_t wide[DECIMAL_DIGITS_MAX + SHIFT_DIGITS_MAX];
    int at = (int)sizeof wide;
    uint64_t carry = 0;
    for (int i = decimal->count; i-- > 0;) {
        carry += (uint64_t)decimal->digits[i] << power;
        wide[--at] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10)
        wide[--at] = (uint8_t)(carry % 10);
    int count = (int)sizeof wide - at;
    decimal->point += count - decimal->count;
    decimal->count = count < DECIMAL_DIGITS_MAX ? count : DECIMAL_DIGITS_MAX;
    for (int i = decimal->count; i < count; i++)
        decimal->inexact |= wide[at + i] != 0;
    memcpy(decimal->digits, wide + at, (size_t)decimal->count);
    decimal_trim(decimal);
}

/* Long division, the quotient overwriting the digits behind the place they are read from. */
static void divide_power_of_two(struct decimal *decimal, int power) {
    uint64_t rest = 0, mask = ((uint64_t)1 << power) - 1;
    int from = 0, to = 0;
    if (decimal->count == 0)
        return;
    for (; rest >> power == 0; from++) /* up to the first digit of the quotient */
        rest = rest * 10 + (from < decimal->count ? decimal->digits[from] : 0);
    decimal->point -= from - 1;
    for (; from < decimal->count; from++) {
        decimal->digits[to++] = (uint8_t)(rest >> power);
        rest = (rest & mask) * 10 + decimal->digits[from];
    }
    for (; rest > 0; rest = (rest & mask) * 10) {
        uint8_t digit = (uint8_t)(rest >> power);
        if (to < DECIMAL_DIGITS_MAX)
            decimal->digits[to++] = digit;
        else
            decimal->inexact |= digit != 0;
    }
    decimal->count = to;
    decimal_trim(decimal);
}

void decimal_shift(struct decimal *decimal, int power) {
    for (; power > 0 && decimal->count; power -= power < SHIFT_MAX ? power : SHIFT_MAX)
        multiply_power_of_two(decimal, power < SHIFT_MAX ? power : SHIFT_MAX);
    for (; power < 0 && decimal->count; power += -power < SHIFT_MAX ? -power : SHIFT_MAX)
        divide_power_of_two(decimal, -power < SHIFT_MAX ? -power : SHIFT_MAX);
}

/* Whether dropping the digits from index `count` on rounds up: half to even. */
static bool rounds_up(const struct decimal *decimal, int count) {
    if (count < 0 || count >= decimal->count)
        return false;
    if (decimal->digits[count] == 5 && count + 1 == decimal->count && !decimal->inexact)
        return count > 0 && decimal->digits[count - 1] % 2 == 1;
    return decimal->digits[count] >= 5;
}

/* The nearest integer of a decimal below 2^63. */
static uint64_t to_integer(const struct decimal *decimal) {
    uint64_t value = 0;
    for (int i = 0; i < decimal->point; i++)
        value = value * 10 + (i < decimal->count ? decimal->digits[i] : 0);
    return value + rounds_up(decimal, decimal->point);
}

void decimal_round(struct decimal *decimal, int count) {
    if (count >= decimal->count)
        return;
    if (count < 0) {
        decimal->count = decimal->point = 0;
        return;
    }
    bool up = rounds_up(decimal, count);
    decimal->count = count;
    while (up && decimal->count > 0 && decimal->digits[decimal->count - 1] == 9)
        decimal->count--;
    if (up && decimal->count > 0) {
        decimal->digits[decimal->count - 1]++;
    } else if (up) {
        decimal->digits[0] = 1;
        decimal->count = 1;
        decimal->point++;
    }
    decimal_trim(decimal);
}

static double compose(uint64_t mantissa, int exponent_bits) {
    uint64_t bits = (mantissa & (((uint64_t)1 << 52) - 1)) | (uint64_t)exponent_bits << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double decimal_to_double(struct decimal *decimal) {
    if (decimal->count == 0 || decimal->point < -330)
        return 0;
    if (decimal->point > 310)
        return compose(0, 0x7ff);
    int exponent = 0; /* the number is what `decimal` now holds times 2^exponent */
    while (decimal->point > 0) {
        int power = decimal->point < 18 ? 3 * decimal->point : 54;
        decimal_shift(decimal, -power);
        exponent += power;
    }
    while (decimal->point < 0 || (decimal->point == 0 && decimal->digits[0] < 5)) {
        int power = decimal->point < 0 ? (decimal->point > -18 ? -3 * decimal->point : 54) : 1;
        decimal_shift(decimal, power);
        exponent -= power;
    }
    exponent--;             /* the number is in [1, 2) times 2^exponent */
    if (exponent < -1022) { /* subnormal: fewer mantissa bits */
        decimal_shift(decimal, exponent + 1022);
        exponent = -1022;
    }
    decimal_shift(decimal, 53);
    uint64_t mantissa = to_integer(decimal);
    if (mantissa == (uint64_t)1 << 53) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent > 1023)
        return compose(0, 0x7ff);
    return compose(mantissa, mantissa >> 52 ? exponent + 1023 : 0);
}

void decimal_from_double(struct decimal *decimal, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    memset(decimal, 0, sizeof *decimal);
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    if (exponent)
        mantissa |= (uint64_t)1 << 52;
    else
        exponent = 1;
    while (mantissa && mantissa % 2 == 0) {
        mantissa /= 2;
        exponent++;
    }
    uint8_t reversed[20];
    int count = 0;
    for (; mantissa; mantissa /= 10)
        reversed[count++] = (uint8_t)(mantissa % 10);
    for (int i = 0; i < count; i++)
        decimal->digits[i] = reversed[count - 1 - i];
    decimal->count = decimal->point = count;
    decimal_trim(decimal);
    decimal_shift(decimal, exponent - 1075);
}
