/* 64-bit division for i386, which the compiler calls by these names. Quotients are built from the
 * CPU's 32-bit division: Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D with digits
 * of 16 bits. */
#include <stddef.h>
#include <stdint.h>

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divmoddi4(int64_t dividend, int64_t divisor, int64_t *remainder);
int64_t __divdi3(int64_t dividend, int64_t divisor);
int64_t __moddi3(int64_t dividend, int64_t divisor);

/* The next 16-bit digit of (rest:digit) / divisor, where rest < divisor and the divisor's top bit
 * is set. *rest becomes the new remainder. */
static uint32_t quotient_digit(uint32_t *rest, uint32_t digit, uint32_t divisor) {
    uint32_t high = divisor >> 16, low = divisor & 0xffff;
    uint32_t guess = *rest / high, over = *rest % high;
    while (guess > 0xffff || (uint64_t)guess * low > ((uint64_t)over << 16 | digit)) {
        guess--;
        over += high;
        if (over > 0xffff)
            break;
    }
    *rest = (*rest << 16 | digit) - guess * divisor; /* exact modulo 2^32: it is below divisor */
    return guess;
}

/* (high:low) / divisor for high < divisor, any divisor of 32 bits. */
static uint32_t divide_wide(uint32_t high, uint32_t low, uint32_t divisor, uint32_t *remainder) {
    int shift = __builtin_clz(divisor);
    divisor <<= shift;
    high = shift ? high << shift | low >> (32 - shift) : high;
    low <<= shift;
    uint32_t upper = quotient_digit(&high, low >> 16, divisor);
    uint32_t lower = quotient_digit(&high, low & 0xffff, divisor);
    *remainder = high >> shift;
    return upper << 16 | lower;
}

/* A divisor of over 32 bits: the quotient of the upper halves, scaled, is off by at most one. */
static uint64_t divide_long(uint64_t dividend, uint64_t divisor, uint64_t *remainder) {
    int shift = __builtin_clz((uint32_t)(divisor >> 32));
    uint32_t scaled = (uint32_t)(divisor << shift >> 32), ignored;
    uint64_t half = dividend >> 1;
    uint32_t quotient =
        divide_wide((uint32_t)(half >> 32), (uint32_t)half, scaled, &ignored) >> (31 - shift);
    if (quotient)
        quotient--;
    uint64_t rest = dividend - quotient * divisor;
    if (rest >= divisor) {
        rest -= divisor;
        quotient++;
    }
    *remainder = rest;
    return quotient;
}

uint64_t __udivmoddi4(uint64_t dividend, uint64_t divisor, uint64_t *remainder) {
    uint64_t quotient, rest;
    uint32_t divisor_low = (uint32_t)divisor, high = (uint32_t)(dividend >> 32);
    if (divisor >> 32) {
        quotient = divide_long(dividend, divisor, &rest);
    } else {
        uint32_t upper = 0, rest_low;
        if (high >= divisor_low) { /* division by zero traps here, as the instruction does */
            upper = high / divisor_low;
            high %= divisor_low;
        }
        quotient =
            (uint64_t)upper << 32 | divide_wide(high, (uint32_t)dividend, divisor_low, &rest_low);
        rest = rest_low;
    }
    if (remainder)
        *remainder = rest;
    return quotient;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    return __udivmoddi4(dividend, divisor, NULL);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
    uint64_t remainder;
    __udivmoddi4(dividend, divisor, &remainder);
    return remainder;
}

static uint64_t magnitude(int64_t value) { return value < 0 ? -(uint64_t)value : (uint64_t)value; }

int64_t __divmoddi4(int64_t dividend, int64_t divisor, int64_t *remainder) {
    uint64_t rest;
    uint64_t quotient = __udivmoddi4(magnitude(dividend), magnitude(divisor), &rest);
    if (remainder)
        *remainder = (int64_t)(dividend < 0 ? -rest : rest);
    return (int64_t)((dividend < 0) != (divisor < 0) ? -quotient : quotient);
}

int64_t __divdi3(int64_t dividend, int64_t divisor) { return __divmoddi4(dividend, divisor, NULL); }

int64_t __moddi3(int64_t dividend, int64_t divisor) {
    int64_t remainder;
    __divmoddi4(dividend, divisor, &remainder);
    return remainder;
}
