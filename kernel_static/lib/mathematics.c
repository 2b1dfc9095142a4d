/* Results are floats computed in double precision, so a double's error of some ulp is far below
 * half a float's; only sums, products and quotients are used, which IEEE 754 rounds alike on every
 * target (build with -ffp-contract=off, and -mfpmath=sse on i386). */
#include "mathematics.h"

#include <stdint.h>
#include <string.h>
#include <xmmintrin.h>

#define LOG2_E 1.4426950408889634
#define LN2 0.6931471805599453
#define SQRT_HALF 0.7071067811865476
/* pi/2 in two parts; the upper has 33 significant bits, so its product with a 20-bit integer is
 * exact. */
#define HALF_PI_UPPER 1.5707963267341256
#define HALF_PI_LOWER 6.077100506506192e-11

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static int nearest(double x) { return (int)(x < 0 ? x - 0.5 : x + 0.5); }

/* e^x for |x| < 700: 2^k * e^r with |r| <= ln(2)/2, Taylor to r^10. */
static double exponential(double x) {
    int k = nearest(x * LOG2_E);
    double r = x - k * LN2;
    double sum = 1 / 3628800.0;
    sum = sum * r + 1 / 362880.0;
    sum = sum * r + 1 / 40320.0;
    sum = sum * r + 1 / 5040.0;
    sum = sum * r + 1 / 720.0;
    sum = sum * r + 1 / 120.0;
    sum = sum * r + 1 / 24.0;
    sum = sum * r + 1 / 6.0;
    sum = sum * r + 1 / 2.0;
    sum = sum * r + 1;
    sum = sum * r + 1;
    return sum * from_bits((uint64_t)(k + 1023) << 52);
}

/* ln(x) for a normal x > 0: x = m * 2^e, ln(m) = 2 artanh((m - 1) / (m + 1)), series to f^17. */
static double logarithm(double x) {
    uint64_t bits = to_bits(x);
    int e = (int)(bits >> 52) - 1022;
    double m = from_bits((bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1022 << 52);
    if (m < SQRT_HALF) {
        m *= 2;
        e--;
    }
    double f = (m - 1) / (m + 1), square = f * f;
    double sum = 1 / 17.0;
    sum = sum * square + 1 / 15.0;
    sum = sum * square + 1 / 13.0;
    sum = sum * square + 1 / 11.0;
    sum = sum * square + 1 / 9.0;
    sum = sum * square + 1 / 7.0;
    sum = sum * square + 1 / 5.0;
    sum = sum * square + 1 / 3.0;
    sum = sum * square + 1;
    return e * LN2 + 2 * f * sum;
}

/* e^x with a float's range: infinity and zero where a float has nothing nearer. */
static float bounded_exponential(double x) {
    if (x > 89)
        return __builtin_inff();
    if (x < -104)
        return 0;
    return (float)exponential(x);
}

float math_exp(float x) { return x != x ? x : bounded_exponential(x); }

float math_log(float x) {
    if (x != x || x == __builtin_inff())
        return x;
    if (x <= 0)
        return x == 0 ? -__builtin_inff() : __builtin_nanf("");
    return (float)logarithm(x);
}

float math_sqrt(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

float math_pow(float x, float y) {
    if (y == 0 || x == 1)
        return 1;
    return bounded_exponential(y * logarithm(x));
}

/* Taylor series over |r| <= pi/4, sine to r^13 and cosine to r^14. */
static double sine_near(double r) {
    double square = r * r;
    double sum = 1 / 6227020800.0;
    sum = sum * square - 1 / 39916800.0;
    sum = sum * square + 1 / 362880.0;
    sum = sum * square - 1 / 5040.0;
    sum = sum * square + 1 / 120.0;
    sum = sum * square - 1 / 6.0;
    return r + r * square * sum;
}

static double cosine_near(double r) {
    double square = r * r;
    double sum = -1 / 87178291200.0;
    sum = sum * square + 1 / 479001600.0;
    sum = sum * square - 1 / 3628800.0;
    sum = sum * square + 1 / 40320.0;
    sum = sum * square - 1 / 720.0;
    sum = sum * square + 1 / 24.0;
    sum = sum * square - 1 / 2.0;
    return 1 + square * sum;
}

void math_sin_cos(double angle, float *sine, float *cosine) {
    int quadrant = nearest(angle / (HALF_PI_UPPER + HALF_PI_LOWER));
    double r = angle - quadrant * HALF_PI_UPPER - quadrant * HALF_PI_LOWER;
    double s = sine_near(r), c = cosine_near(r);
    *sine = (float)(quadrant & 1 ? c : s);
    *cosine = (float)(quadrant & 1 ? s : c);
    if (quadrant & 2)
        *sine = -*sine;
    if ((quadrant + 1) & 2)
        *cosine = -*cosine;
}
