/* Formatting into memory (C11 7.21.6.5, 7.21.6.12). Conversions d i u o x X c s p f F e E g G %,
 * flags - + space # 0, width and precision (also *), lengths hh h l ll j z t. No n, a, L or wide
 * characters. Real numbers are exact and rounded half to even, as glibc's are. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

int snprintf(char *restrict to, size_t size, const char *restrict format, ...)
    __attribute__((format(printf, 3, 4)));
int vsnprintf(char *restrict to, size_t size, const char *restrict format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
