/* What printf's files share: where characters go, and how one conversion wants them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where characters go; those that do not fit are only counted. */
struct sink {
    char *to;
    size_t size, count;
};

/* One conversion: %[flags][width][.precision][length]letter */
struct conversion {
    bool left, plus, space, alternate, zero, upper;
    int width, precision; /* precision -1: not given */
    char letter;          /* in lower case but for p, s, c */
};

/* Writes characters, one of them `count` times, or padding, prefix (sign, 0x), `zeros` zeros and
 * body: with the zero flag padding is more zeros. */
void format_put(struct sink *sink, const char *bytes, size_t count);
void format_put_repeated(struct sink *sink, char character, ptrdiff_t count);
void format_put_padded(struct sink *sink, const struct conversion *conversion, const char *prefix,
                       ptrdiff_t zeros, const char *body, size_t count);

/* What stands before a number: "-", "", or what the flags say. */
const char *format_sign(const struct conversion *conversion, bool negative);

/* One real number as %f, %e or %g. */
void format_put_real(struct sink *sink, struct conversion *conversion, double value);
