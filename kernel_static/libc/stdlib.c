/* Numbers of text (C11 7.22.1). */
#include <stdlib.h>

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "decimal.h"

static unsigned digit_value(char character) {
    if (isdigit((unsigned char)character))
        return (unsigned)(character - '0');
    if (isalpha((unsigned char)character))
        return (unsigned)(tolower((unsigned char)character) - 'a') + 10;
    return UINT_MAX;
}

/* Sign and magnitude of an integer; `overflow` when the magnitude is over 2^64 - 1. */
struct integer {
    uint64_t magnitude;
    bool negative, overflow;
};

static struct integer read_integer(const char *text, char **end, int base) {
    struct integer value = {0};
    const char *at = text;
    while (isspace((unsigned char)*at))
        at++;
    if (*at == '-' || *at == '+')
        value.negative = *at++ == '-';
    bool hexadecimal = at[0] == '0' && (at[1] | 0x20) == 'x' && digit_value(at[2]) < 16;
    if ((base == 0 || base == 16) && hexadecimal) {
        at += 2;
        base = 16;
    } else if (base == 0) {
        base = *at == '0' ? 8 : 10;
    }
    const char *first = at;
    for (; digit_value(*at) < (unsigned)base; at++) {
        unsigned digit = digit_value(*at);
        value.overflow |= value.magnitude > (UINT64_MAX - digit) / (unsigned)base;
        value.magnitude = value.magnitude * (unsigned)base + digit;
    }
    if (end)
        *end = (char *)(at == first ? text : at);
    return value;
}

static int64_t signed_within(struct integer value, int64_t least, int64_t most) {
    if (value.negative)
        return value.overflow || value.magnitude > (uint64_t)most + 1 ? least
                                                                      : (int64_t)-value.magnitude;
    return value.overflow || value.magnitude > (uint64_t)most ? most : (int64_t)value.magnitude;
}

static uint64_t unsigned_within(struct integer value, uint64_t most) {
    if (value.overflow || value.magnitude > most)
        return most;
    return value.negative ? -value.magnitude : value.magnitude;
}

long strtol(const char *restrict text, char **restrict end, int base) {
    return (long)signed_within(read_integer(text, end, base), LONG_MIN, LONG_MAX);
}

long long strtoll(const char *restrict text, char **restrict end, int base) {
    return signed_within(read_integer(text, end, base), LLONG_MIN, LLONG_MAX);
}

unsigned long strtoul(const char *restrict text, char **restrict end, int base) {
    return (unsigned long)unsigned_within(read_integer(text, end, base), ULONG_MAX);
}

unsigned long long strtoull(const char *restrict text, char **restrict end, int base) {
    return unsigned_within(read_integer(text, end, base), ULLONG_MAX);
}

/* Length of `word` at the start of text, letters compared without case; 0 if it is not there. */
static int word_length(const char *text, const char *word) {
    int count = 0;
    for (; word[count]; count++)
        if (tolower((unsigned char)text[count]) != word[count])
            return 0;
    return count;
}

/* Reads digits with an optional point into *decimal; returns where they end, or null if none. */
static const char *read_digits(const char *at, struct decimal *decimal) {
    bool digits = false, after_point = false;
    decimal->count = decimal->point = 0;
    decimal->inexact = false;
    for (;; at++) {
        if (*at == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (!isdigit((unsigned char)*at))
            break;
        digits = true;
        uint8_t digit = (uint8_t)(*at - '0');
        if (digit || decimal->count) {
            if (decimal->count < DECIMAL_DIGITS_MAX)
                decimal->digits[decimal->count++] = digit;
            else
                decimal->inexact |= digit != 0;
            decimal->point += !after_point;
        } else {
            decimal->point -= after_point;
        }
    }
    return digits ? at : NULL;
}

/* Products and quotients of two exact doubles round once: 15 digits and 10^22 are exact. */
static bool small_double(const struct decimal *decimal, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int exponent = decimal->point - decimal->count;
    if (decimal->count > 15 || exponent < -22 || exponent > 22)
        return false;
    int64_t integer = 0;
    for (int i = 0; i < decimal->count; i++)
        integer = integer * 10 + decimal->digits[i];
    *value =
        exponent < 0 ? (double)integer / powers[-exponent] : (double)integer * powers[exponent];
    return true;
}

double strtod(const char *restrict text, char **restrict end) {
    const char *at = text;
    while (isspace((unsigned char)*at))
        at++;
    bool negative = *at == '-';
    at += *at == '-' || *at == '+';
    double value = 0;
    struct decimal decimal;
    const char *stop = read_digits(at, &decimal);
    if (word_length(at, "inf")) {
        stop = at + (word_length(at, "infinity") ? 8 : 3);
        value = __builtin_inf();
    } else if (word_length(at, "nan")) {
        stop = at + 3;
        value = __builtin_nan("");
    } else if (stop) {
        if ((stop[0] | 0x20) == 'e') {
            bool minus = stop[1] == '-';
            const char *exponent = stop + 1 + (minus || stop[1] == '+');
            int power = 0;
            for (; isdigit((unsigned char)*exponent); stop = ++exponent)
                power = power < 100000000 ? power * 10 + (*exponent - '0') : power;
            if (decimal.count)
                decimal.point += minus ? -power : power;
        }
        decimal_trim(&decimal);
        if (!small_double(&decimal, &value))
            value = decimal_to_double(&decimal);
    }
    if (end)
        *end = (char *)(stop ? stop : text);
    return negative && stop ? -value : value;
}
