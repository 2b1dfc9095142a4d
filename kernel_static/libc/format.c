/* printf's conversions into memory (C11 7.21.6.1). */
#include <stdio.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format.h"

static void put_integer(struct sink *sink, struct conversion *conversion, const char *prefix,
                        uint64_t magnitude) {
    const char *digits = conversion->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = conversion->letter == 'x' ? 16 : conversion->letter == 'o' ? 8 : 10;
    char body[24];
    size_t at = sizeof body;
    for (uint64_t rest = magnitude; rest; rest /= base)
        body[--at] = digits[rest % base];
    ptrdiff_t count = (ptrdiff_t)(sizeof body - at);
    ptrdiff_t zeros = (conversion->precision < 0 ? 1 : conversion->precision) - count;
    if (conversion->alternate && base == 8 && zeros <= 0)
        zeros = 1;
    if (conversion->precision >= 0)
        conversion->zero = false;
    format_put_padded(sink, conversion, prefix, zeros > 0 ? zeros : 0, body + at, (size_t)count);
}

static void put_string(struct sink *sink, struct conversion *conversion, const char *string) {
    if (!string)
        string = conversion->precision < 0 || conversion->precision >= 6 ? "(null)" : "";
    size_t most = conversion->precision < 0 ? SIZE_MAX : (size_t)conversion->precision;
    conversion->zero = false;
    format_put_padded(sink, conversion, "", 0, string, strnlen(string, most));
}

/* Reads a decimal number, or takes an argument for '*'; moves *format behind it. */
static int read_number(const char **format, va_list *arguments) {
    if (**format == '*') {
        ++*format;
        return va_arg(*arguments, int);
    }
    int number = 0;
    for (; **format >= '0' && **format <= '9'; ++*format)
        number = number < 100000000 ? number * 10 + (**format - '0') : number;
    return number;
}

/* Reads flags, width and precision; *format ends at the length. */
static struct conversion read_conversion(const char **format, va_list *arguments) {
    struct conversion conversion = {.precision = -1};
    for (;; ++*format) {
        if (**format == '-')
            conversion.left = true;
        else if (**format == '+')
            conversion.plus = true;
        else if (**format == ' ')
            conversion.space = true;
        else if (**format == '#')
            conversion.alternate = true;
        else if (**format == '0')
            conversion.zero = true;
        else
            break;
    }
    conversion.width = read_number(format, arguments);
    if (conversion.width < 0) {
        conversion.left = true;
        conversion.width = -conversion.width;
    }
    if (**format == '.') {
        ++*format;
        conversion.precision = read_number(format, arguments);
    }
    if (conversion.precision < 0)
        conversion.precision = -1;
    return conversion;
}

/* Reads the length modifier; returns the bytes of the integer argument. */
static int read_length(const char **format) {
    switch (**format) {
    case 'h':
        ++*format;
        if (**format != 'h')
            return sizeof(short);
        ++*format;
        return sizeof(char);
    case 'l':
        ++*format;
        if (**format != 'l')
            return sizeof(long);
        ++*format;
        return sizeof(long long);
    case 'j':
        ++*format;
        return sizeof(intmax_t);
    case 'z':
        ++*format;
        return sizeof(size_t);
    case 't':
        ++*format;
        return sizeof(ptrdiff_t);
    default:
        return sizeof(int);
    }
}

static uint64_t unsigned_argument(va_list *arguments, int length) {
    if (length == 8)
        return va_arg(*arguments, uint64_t);
    uint32_t value = va_arg(*arguments, uint32_t);
    return length == 4 ? value : length == 2 ? (uint16_t)value : (uint8_t)value;
}

static int64_t signed_argument(va_list *arguments, int length) {
    if (length == 8)
        return va_arg(*arguments, int64_t);
    int32_t value = va_arg(*arguments, int32_t);
    return length == 4 ? value : length == 2 ? (int16_t)value : (int8_t)value;
}

static void put_conversion(struct sink *sink, struct conversion *conversion, int length,
                           va_list *arguments) {
    if (conversion->letter >= 'A' && conversion->letter <= 'Z') {
        conversion->upper = true;
        conversion->letter += 'a' - 'A';
    }
    switch (conversion->letter) {
    case 'd':
    case 'i': {
        int64_t value = signed_argument(arguments, length);
        uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
        put_integer(sink, conversion, format_sign(conversion, value < 0), magnitude);
        break;
    }
    case 'u':
    case 'o':
        put_integer(sink, conversion, "", unsigned_argument(arguments, length));
        break;
    case 'x': {
        uint64_t value = unsigned_argument(arguments, length);
        const char *prefix = conversion->upper ? "0X" : "0x";
        put_integer(sink, conversion, conversion->alternate && value ? prefix : "", value);
        break;
    }
    case 'p': {
        uintptr_t value = (uintptr_t)va_arg(*arguments, void *);
        conversion->letter = 'x';
        if (value)
            put_integer(sink, conversion, "0x", value);
        else
            put_string(sink, conversion, "(nil)");
        break;
    }
    case 's':
        put_string(sink, conversion, va_arg(*arguments, const char *));
        break;
    case 'c': {
        char character = (char)va_arg(*arguments, int);
        conversion->zero = false;
        format_put_padded(sink, conversion, "", 0, &character, 1);
        break;
    }
    case 'f':
    case 'e':
    case 'g':
        format_put_real(sink, conversion, va_arg(*arguments, double));
        break;
    default: /* '%', and what is no conversion shows itself */
        format_put(sink, &conversion->letter, 1);
    }
}

int vsnprintf(char *restrict to, size_t size, const char *restrict format, va_list arguments) {
    struct sink sink = {to, size ? size - 1 : 0, 0};
    va_list rest;
    va_copy(rest, arguments);
    const char *at = format;
    while (*at) {
        const char *literal = at;
        while (*at && *at != '%')
            at++;
        format_put(&sink, literal, (size_t)(at - literal));
        if (!*at)
            break;
        at++;
        struct conversion conversion = read_conversion(&at, &rest);
        int length = read_length(&at);
        if (!*at)
            break;
        conversion.letter = *at++;
        put_conversion(&sink, &conversion, length, &rest);
    }
    va_end(rest);
    if (size)
        to[sink.count < sink.size ? sink.count : sink.size] = 0;
    return (int)sink.count;
}

int snprintf(char *restrict to, size_t size, const char *restrict format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return count;
}
