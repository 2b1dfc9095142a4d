/* Memory is moved in vectors of 16 bytes: under an emulator that was measured 2 to 40 times
 * faster than REP MOVS or word loops, and it is as good natively. The last vector overlaps the one
 * before it, so that no loop over bytes remains. The compiler must not turn these loops into calls
 * of themselves. */
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

static uint32_t load_word(const uint8_t *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

static void store_word(uint8_t *to, uint32_t word) { __builtin_memcpy(to, &word, sizeof word); }

/* Fewer than 16 bytes, in any direction: everything is loaded before anything is stored. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t count) {
    if (count >= 8) {
        __m128i first = _mm_loadl_epi64((const __m128i *)from);
        __m128i last = _mm_loadl_epi64((const __m128i *)(from + count - 8));
        _mm_storel_epi64((__m128i *)to, first);
        _mm_storel_epi64((__m128i *)(to + count - 8), last);
    } else if (count >= 4) {
        uint32_t first = load_word(from), last = load_word(from + count - 4);
        store_word(to, first);
        store_word(to + count - 4, last);
    } else if (count) {
        uint8_t first = from[0], middle = from[count / 2], last = from[count - 1];
        to[0] = first;
        to[count / 2] = middle;
        to[count - 1] = last;
    }
}

/* Ascending, at least 16 bytes; right for overlapping runs too if to < from, since each step
 * loads before it stores, and the last vector is loaded before all. */
static void copy_up(uint8_t *to, const uint8_t *from, size_t count) {
    uint8_t *end = to + count;
    __m128i last = load(from + count - 16);
    for (; count >= 64; count -= 64, to += 64, from += 64) {
        __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
        store(to, a);
        store(to + 16, b);
        store(to + 32, c);
        store(to + 48, d);
    }
    for (; count > 16; count -= 16, to += 16, from += 16)
        store(to, load(from));
    store(end - 16, last);
}

/* Descending, at least 16 bytes; right for overlapping runs if to > from. */
static void copy_down(uint8_t *to, const uint8_t *from, size_t count) {
    __m128i first = load(from);
    for (; count > 16; count -= 16)
        store(to + count - 16, load(from + count - 16));
    store(to, first);
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    if (count < 16)
        copy_short(to, from, count);
    else
        copy_up(to, from, count);
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    if (count < 16)
        copy_short(to, from, count);
    else if ((uintptr_t)to - (uintptr_t)from < count)
        copy_down(to, from, count);
    else
        copy_up(to, from, count);
    return to;
}

void *memset(void *to, int byte, size_t count) {
    uint8_t *bytes = to, *end = bytes + count;
    __m128i value = _mm_set1_epi8((char)byte);
    if (count < 16) {
        while (bytes < end)
            *bytes++ = (uint8_t)byte;
        return to;
    }
    for (; count >= 64; count -= 64, bytes += 64) {
        store(bytes, value);
        store(bytes + 16, value);
        store(bytes + 32, value);
        store(bytes + 48, value);
    }
    for (; count > 16; count -= 16, bytes += 16)
        store(bytes, value);
    store(end - 16, value);
    return to;
}

/* Bit i: bytes i of 16 differ. */
static unsigned differences(const uint8_t *a, const uint8_t *b) {
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load(a), load(b))) ^ 0xffff;
}

int memcmp(const void *left, const void *right, size_t count) {
    const uint8_t *a = left, *b = right;
    size_t at = 0;
    for (; at + 16 <= count; at += 16) {
        unsigned found = differences(a + at, b + at);
        if (found) {
            at += (size_t)__builtin_ctz(found);
            return a[at] - b[at];
        }
    }
    for (; at < count; at++)
        if (a[at] != b[at])
            return a[at] - b[at];
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
