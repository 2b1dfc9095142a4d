/* printf's %f, %e and %g: digits from decimal.h, rounded half to even (C11 7.21.6.1). */
#include "format.h"

#include <string.h>

#include "decimal.h"

static char digit_at(const struct decimal *decimal, int index) {
    return (char)('0' + (index >= 0 && index < decimal->count ? decimal->digits[index] : 0));
}

/* Body of %f, as one padded run: integer digits, point, `places` decimals. */
static void put_fixed(struct sink *sink, const struct conversion *conversion, const char *sign,
                      const struct decimal *decimal, int places) {
    int integers = decimal->point > 0 ? decimal->point : 1;
    int first = decimal->point > 0 ? 0 : decimal->point - 1; /* index of the first digit shown */
    bool point = places > 0 || conversion->alternate;
    size_t count = (size_t)integers + point + (size_t)places;
    struct conversion frame = *conversion;
    frame.width -= (int)count; /* padding in front, then the body, then padding behind */
    frame.left = false;
    if (!conversion->left)
        format_put_padded(sink, &frame, sign, 0, "", 0);
    else
        format_put(sink, sign, strlen(sign));
    for (int i = 0; i < integers + places; i++) {
        char digit = digit_at(decimal, first + i);
        if (i == integers)
            format_put(sink, ".", 1);
        format_put(sink, &digit, 1);
    }
    if (point && !places)
        format_put(sink, ".", 1);
    if (conversion->left)
        format_put_repeated(sink, ' ', frame.width - (ptrdiff_t)strlen(sign));
}

/* Body of %e: d.ddde+XX. */
static void put_exponential(struct sink *sink, const struct conversion *conversion,
                            const char *sign, const struct decimal *decimal, int places) {
    int power = decimal->count ? decimal->point - 1 : 0;
    unsigned magnitude = (unsigned)(power < 0 ? -power : power);
    char tail[8];
    size_t tail_count = 0;
    tail[tail_count++] = conversion->upper ? 'E' : 'e';
    tail[tail_count++] = power < 0 ? '-' : '+';
    if (magnitude >= 100)
        tail[tail_count++] = (char)('0' + magnitude / 100);
    tail[tail_count++] = (char)('0' + magnitude / 10 % 10);
    tail[tail_count++] = (char)('0' + magnitude % 10);
    bool point = places > 0 || conversion->alternate;
    struct conversion frame = *conversion;
    frame.width -= (int)(1 + point + tail_count) + places;
    frame.left = false;
    if (!conversion->left)
        format_put_padded(sink, &frame, sign, 0, "", 0);
    else
        format_put(sink, sign, strlen(sign));
    for (int i = 0; i <= places; i++) {
        char digit = digit_at(decimal, i);
        format_put(sink, &digit, 1);
        if (i == 0 && point)
            format_put(sink, ".", 1);
    }
    format_put(sink, tail, tail_count);
    if (conversion->left)
        format_put_repeated(sink, ' ', frame.width - (ptrdiff_t)strlen(sign));
}

void format_put_real(struct sink *sink, struct conversion *conversion, double value) {
    const char *sign = format_sign(conversion, __builtin_signbit(value));
    if (!__builtin_isfinite(value)) {
        conversion->zero = false;
        const char *name = __builtin_isnan(value) ? "nan" : "inf";
        if (conversion->upper)
            name = __builtin_isnan(value) ? "NAN" : "INF";
        format_put_padded(sink, conversion, sign, 0, name, 3);
        return;
    }
    struct decimal decimal;
    decimal_from_double(&decimal, value);
    int precision = conversion->precision < 0 ? 6 : conversion->precision;
    if (conversion->letter == 'f') {
        decimal_round(&decimal, decimal.point + precision);
        put_fixed(sink, conversion, sign, &decimal, precision);
    } else if (conversion->letter == 'e') {
        decimal_round(&decimal, 1 + precision);
        put_exponential(sink, conversion, sign, &decimal, precision);
    } else {
        if (precision == 0)
            precision = 1;
        decimal_round(&decimal, precision);
        int power = decimal.count ? decimal.point - 1 : 0;
        int shown = conversion->alternate ? precision : decimal.count ? decimal.count : 1;
        if (power < -4 || power >= precision) {
            put_exponential(sink, conversion, sign, &decimal, shown - 1);
        } else {
            int places = shown - 1 - power;
            put_fixed(sink, conversion, sign, &decimal, places > 0 ? places : 0);
        }
    }
}
