/* Copying goes 64 bytes, then 16, then one at a time: unaligned vector moves cost the same natively
 * and are what an emulator translates best. The compiler must not turn these loops into calls of
 * themselves. */
#if !__STDC_HOSTED__ /* a hosted build has the host's */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#include <string.h>

#include <emmintrin.h>
#include <stdint.h>

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

static __m128i load(const uint8_t *from) { return _mm_loadu_si128((const __m128i *)from); }

static void store(uint8_t *to, __m128i value) { _mm_storeu_si128((__m128i *)to, value); }

/* Ascending; right for overlapping runs too if to < from, since each step loads before it stores.
 */
static void copy_up(uint8_t *to, const uint8_t *from, size_t count) {
    for (; count >= 64; count -= 64, to += 64, from += 64) {
        __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
        store(to, a);
        store(to + 16, b);
        store(to + 32, c);
        store(to + 48, d);
    }
    for (; count >= 16; count -= 16, to += 16, from += 16)
        store(to, load(from));
    for (; count; count--)
        *to++ = *from++;
}

/* Descending; right for overlapping runs if to > from. */
static void copy_down(uint8_t *to, const uint8_t *from, size_t count) {
    for (; count >= 16; count -= 16)
        store(to + count - 16, load(from + count - 16));
    for (; count; count--)
        to[count - 1] = from[count - 1];
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    copy_up(to, from, count);
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    if ((uintptr_t)to - (uintptr_t)from < count)
        copy_down(to, from, count);
    else
        copy_up(to, from, count);
    return to;
}

void *memset(void *to, int byte, size_t count) {
    uint8_t *bytes = to;
    __m128i value = _mm_set1_epi8((char)byte);
    for (; count >= 64; count -= 64, bytes += 64) {
        store(bytes, value);
        store(bytes + 16, value);
        store(bytes + 32, value);
        store(bytes + 48, value);
    }
    for (; count >= 16; count -= 16, bytes += 16)
        store(bytes, value);
    for (; count; count--)
        *bytes++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t count) {
    const uint8_t *a = left, *b = right;
    for (; count >= 16; count -= 16, a += 16, b += 16)
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(load(a), load(b))) != 0xffff)
            break;
    for (; count; count--, a++, b++)
        if (*a != *b)
            return *a - *b;
    return 0;
}

void *memchr(const void *bytes, int byte, size_t count) {
    const uint8_t *at = bytes;
    __m128i wanted = _mm_set1_epi8((char)byte);
    for (; count >= 16; count -= 16, at += 16) {
        int found = _mm_movemask_epi8(_mm_cmpeq_epi8(load(at), wanted));
        if (found)
            return (void *)(at + __builtin_ctz((unsigned)found));
    }
    for (; count; count--, at++)
        if (*at == (uint8_t)byte)
            return (void *)at;
    return NULL;
}

size_t strlen(const char *string) {
    size_t count = 0;
    while (string[count])
        count++;
    return count;
}

size_t strnlen(const char *string, size_t most) {
    size_t count = 0;
    while (count < most && string[count])
        count++;
    return count;
}

int strcmp(const char *left, const char *right) {
    for (; *left && *left == *right; left++, right++)
        ;
    return (uint8_t)*left - (uint8_t)*right;
}

int strncmp(const char *left, const char *right, size_t most) {
    for (; most; most--, left++, right++)
        if (*left != *right || !*left)
            return (uint8_t)*left - (uint8_t)*right;
    return 0;
}

char *strchr(const char *string, int character) {
    for (;; string++) {
        if (*string == (char)character)
            return (char *)string;
        if (!*string)
            return NULL;
    }
}

char *strrchr(const char *string, int character) {
    const char *last = NULL;
    for (;; string++) {
        if (*string == (char)character)
            last = string;
        if (!*string)
            return (char *)last;
    }
}

char *strstr(const char *string, const char *part) {
    size_t count = strlen(part);
    for (;; string++) {
        if (!strncmp(string, part, count))
            return (char *)string;
        if (!*string)
            return NULL;
    }
}

size_t strspn(const char *string, const char *accepted) {
    size_t count = 0;
    while (string[count] && strchr(accepted, string[count]))
        count++;
    return count;
}

size_t strcspn(const char *string, const char *refused) {
    size_t count = 0;
    while (string[count] && !strchr(refused, string[count]))
        count++;
    return count;
}
#endif
