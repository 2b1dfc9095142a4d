/* Intrinsics of AVX-512 and AMX in AVX2, those that specs/isa names, so that kernels of those sets
 * run on any machine of the tests. Found before the compiler's own header of this name. Tests hold
 * every instruction to its meaning here too (tests/kernels/test_instructions.py). */
#pragma once

#include_next <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef union {
    __m512 ps;
    __m512i si;
    float f[16];
    uint32_t w[16];
    int32_t i[16];
    uint16_t h[32];
    int16_t s[32];
    int8_t b[64];
    uint8_t u[64];
    uint64_t q[8];
    __m256 half[2];
    __m256i half_si[2];
} emulated_512;

/* Called, not inlined: kernels of a thousand intrinsics would take a minute to compile. */
#define EMULATED static __attribute__((noinline, unused))

/* A function of one lane after the other: n lanes of `to` made of what an expression says. */
#define EMULATED_LANES(type, name, parameters, n, to, expression, out)                             \
    EMULATED type name parameters {                                                                \
        emulated_512 r;                                                                            \
        for (int k = 0; k < (n); k++)                                                              \
            r.to[k] = (expression);                                                                \
        return r.out;                                                                              \
    }

#define A(part) (((const emulated_512 *)(const void *)&a)->part[k])
#define B(part) (((const emulated_512 *)(const void *)&b)->part[k])
#define C(part) (((const emulated_512 *)(const void *)&c)->part[k])
#define FLOATS(name, parameters, expression)                                                       \
    EMULATED_LANES(__m512, emulated_##name, parameters, 16, f, expression, ps)
#define WORDS(name, parameters, n, to, expression)                                                 \
    EMULATED_LANES(__m512i, emulated_##name, parameters, n, to, expression, si)

FLOATS(add_ps, (__m512 a, __m512 b), A(f) + B(f))
FLOATS(sub_ps, (__m512 a, __m512 b), A(f) - B(f))
FLOATS(mul_ps, (__m512 a, __m512 b), A(f) * B(f))
FLOATS(div_ps, (__m512 a, __m512 b), A(f) / B(f))
FLOATS(max_ps, (__m512 a, __m512 b), A(f) > B(f) ? A(f) : B(f))
FLOATS(min_ps, (__m512 a, __m512 b), A(f) < B(f) ? A(f) : B(f))
FLOATS(abs_ps, (__m512 a), __builtin_fabsf(A(f)))
FLOATS(sqrt_ps, (__m512 a), __builtin_sqrtf(A(f)))
FLOATS(rcp14_ps, (__m512 a), 1 / A(f))
FLOATS(fmadd_ps, (__m512 a, __m512 b, __m512 c), __builtin_fmaf(A(f), B(f), C(f)))
FLOATS(fmaddsub_ps, (__m512 a, __m512 b, __m512 c),
       __builtin_fmaf(A(f), B(f), k % 2 ? C(f) : -C(f)))
FLOATS(set1_ps, (float x), x)
FLOATS(loadu_ps, (const void *a), ((const float *)a)[k])
FLOATS(cvtepi32_ps, (__m512i a), (float)A(i))
FLOATS(mask_mov_ps, (__m512 a, uint32_t mask, __m512 b), mask >> k & 1 ? B(f) : A(f))
FLOATS(permutexvar_ps, (__m512i b, __m512 a), ((const float *)&a)[B(i) & 15])
FLOATS(permutex2var_ps, (__m512 a, __m512i b, __m512 c),
       (B(i) & 16 ? (const float *)&c : (const float *)&a)[B(i) & 15])
FLOATS(permute_ps, (__m512 a, int n), ((const float *)&a)[k / 4 * 4 + (n >> 2 * (k % 4) & 3)])
FLOATS(shuffle_f32x4, (__m512 a, __m512 b, int n),
       (k < 8 ? (const float *)&a : (const float *)&b)[(n >> 2 * (k / 4) & 3) * 4 + k % 4])
FLOATS(castps256_ps512, (__m256 a), ((const float *)&a)[k % 8])

WORDS(add_epi32, (__m512i a, __m512i b), 16, w, A(w) + B(w))
WORDS(sub_epi32, (__m512i a, __m512i b), 16, w, A(w) - B(w))
WORDS(add_epi16, (__m512i a, __m512i b), 32, h, (uint16_t)(A(h) + B(h)))
WORDS(sub_epi16, (__m512i a, __m512i b), 32, h, (uint16_t)(A(h) - B(h)))
WORDS(and_si512, (__m512i a, __m512i b), 8, q, A(q) & B(q))
WORDS(or_si512, (__m512i a, __m512i b), 8, q, A(q) | B(q))
WORDS(xor_si512, (__m512i a, __m512i b), 8, q, A(q) ^ B(q))
WORDS(slli_epi32, (__m512i a, int n), 16, w, A(w) << n)
WORDS(srai_epi32, (__m512i a, int n), 16, i, A(i) >> n)
WORDS(slli_epi16, (__m512i a, int n), 32, h, (uint16_t)(A(h) << n))
WORDS(srli_epi16, (__m512i a, int n), 32, h, (uint16_t)(A(h) >> n))
WORDS(srai_epi16, (__m512i a, int n), 32, s, (int16_t)(A(s) >> n))
WORDS(rorv_epi32, (__m512i a, __m512i b), 16, w, A(w) >> (B(w) & 31) | A(w) << (-B(w) & 31))
WORDS(srlv_epi32, (__m512i a, __m512i b), 16, w, B(w) < 32 ? A(w) >> B(w) : 0)
WORDS(maskz_mov_epi32, (uint32_t mask, __m512i a), 16, w, mask >> k & 1 ? A(w) : 0)
WORDS(set1_epi8, (int x), 64, b, (int8_t)x)
WORDS(set1_epi16, (int x), 32, s, (int16_t)x)
WORDS(set1_epi32, (int x), 16, i, x)
WORDS(loadu_si512, (const void *a), 8, q, ((const uint64_t *)a)[k])
WORDS(permutexvar_epi32, (__m512i b, __m512i a), 16, w, ((const uint32_t *)&a)[B(i) & 15])
WORDS(shuffle_epi32, (__m512i a, int n), 16, w,
      ((const uint32_t *)&a)[k / 4 * 4 + (n >> 2 * (k % 4) & 3)])
WORDS(shuffle_i32x4, (__m512i a, __m512i b, int n), 16, w,
      (k < 8 ? (const uint32_t *)&a : (const uint32_t *)&b)[(n >> 2 * (k / 4) & 3) * 4 + k % 4])
WORDS(broadcastd_epi32, (__m128i a), 16, i, ((const int32_t *)&a)[0])
WORDS(broadcastq_epi64, (__m128i a), 8, q, ((const uint64_t *)&a)[0])
WORDS(cvtepu16_epi32, (__m256i a), 16, w, ((const uint16_t *)&a)[k])
WORDS(cvtps_epi32, (__m512 a), 16, i, _mm_cvtss_si32(_mm_set_ss(A(f))))
WORDS(cvttps_epi32, (__m512 a), 16, i, _mm_cvttss_si32(_mm_set_ss(A(f))))
/* a ^ (b & c): the only table that is asked for, 0x6a. */
WORDS(ternarylogic_epi32, (__m512i c, __m512i b, __m512i a, int table), 16, w,
      table == 0x6a ? A(w) ^ (B(w) & C(w)) : (__builtin_trap(), 0))
WORDS(dpbusd_epi32, (__m512i c, __m512i a, __m512i b), 16, w,
      C(w) + (uint32_t)(((const uint8_t *)&a)[4 * k] * ((const int8_t *)&b)[4 * k] +
                        ((const uint8_t *)&a)[4 * k + 1] * ((const int8_t *)&b)[4 * k + 1] +
                        ((const uint8_t *)&a)[4 * k + 2] * ((const int8_t *)&b)[4 * k + 2] +
                        ((const uint8_t *)&a)[4 * k + 3] * ((const int8_t *)&b)[4 * k + 3]))
WORDS(setr_epi32,
      (int x0, int x1, int x2, int x3, int x4, int x5, int x6, int x7, int x8, int x9, int x10,
       int x11, int x12, int x13, int x14, int x15),
      16, i, ((int[]){x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15})[k])

EMULATED int emulated_held(int x, int most) {
    return x > most ? most : x < -most - 1 ? -most - 1 : x;
}
WORDS(packs_epi32, (__m512i a, __m512i b), 32, s,
      (int16_t)emulated_held((k % 8 < 4 ? (const int *)&a : (const int *)&b)[k / 8 * 4 + k % 4],
                             INT16_MAX))
WORDS(packs_epi16, (__m512i a, __m512i b), 64, b,
      (int8_t)emulated_held((k % 16 < 8 ? (const int16_t *)&a
                                        : (const int16_t *)&b)[k / 16 * 8 + k % 8],
                            INT8_MAX))

/* What lies above the next lower integer, rounded down; -0 of an integer. */
EMULATED float emulated_fraction(float x) {
    double exact = (double)x - __builtin_floor((double)x);
    float near = (float)exact;
    if (near > exact || near == 1) {
        uint32_t bits;
        memcpy(&bits, &near, sizeof bits);
        bits--;
        memcpy(&near, &bits, sizeof near);
    }
    return exact == 0 ? -0.0f : near;
}
FLOATS(fraction_ps, (__m512 a), emulated_fraction(A(f)))
FLOATS(scalef_ps, (__m512 a, __m512 b),
       (float)__builtin_ldexp(A(f), (int)__builtin_floor(B(f) < -1000  ? -1000
                                                         : B(f) > 1000 ? 1000
                                                                       : B(f))))

EMULATED void emulated_storeu(void *p, __m512i a) { memcpy(p, &a, sizeof a); }
EMULATED void emulated_storeu_ps(void *p, __m512 a) { memcpy(p, &a, sizeof a); }
EMULATED __m512 emulated_as_ps(__m512i a) { return (__m512)a; }
EMULATED __m128 emulated_first(__m512 a) { return _mm_loadu_ps((const float *)&a); }
EMULATED __m512 emulated_cvtph_ps(__m256i a) {
    emulated_512 r;
    r.half[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(a));
    r.half[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(a, 1));
    return r.ps;
}
EMULATED __m512 emulated_even_ps(uint32_t mask, __m512 a) {
    return emulated_mask_mov_ps(emulated_set1_ps(0), mask, a);
}
EMULATED __m256i emulated_cvtps_ph(__m512 a) {
    emulated_512 r = {.ps = a};
    return _mm256_set_m128i(_mm256_cvtps_ph(r.half[1], 0), _mm256_cvtps_ph(r.half[0], 0));
}
EMULATED uint32_t emulated_above(__m512 a, __m512 b) {
    uint32_t mask = 0;
    for (int k = 0; k < 16; k++)
        mask |= (uint32_t)(A(f) > B(f)) << k;
    return mask;
}
EMULATED uint32_t emulated_equal(__m512 a, __m512 b) {
    uint32_t mask = 0;
    for (int k = 0; k < 16; k++)
        mask |= (uint32_t)(A(f) == B(f)) << k;
    return mask;
}
EMULATED uint32_t emulated_less(__m512i a, __m512i b) {
    uint32_t mask = 0;
    for (int k = 0; k < 16; k++)
        mask |= (uint32_t)(A(i) < B(i)) << k;
    return mask;
}
EMULATED uint16_t emulated_bf16(uint32_t bits) {
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
WORDS(cvtne2ps_pbh, (__m512 b, __m512 a), 32, h,
      emulated_bf16((k < 16 ? (const uint32_t *)&a : (const uint32_t *)&b)[k % 16]))
EMULATED __m256i emulated_cvtneps_pbh(__m512 a) {
    emulated_512 r = {.si = emulated_cvtne2ps_pbh(a, a)};
    return r.half_si[0];
}
EMULATED float emulated_wide(const void *halves, int k) {
    uint32_t bits = (uint32_t)((const uint16_t *)halves)[k] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
FLOATS(dpbf16_ps, (__m512 c, __m512bh a, __m512bh b),
       __builtin_fmaf(emulated_wide(&a, 2 * k), emulated_wide(&b, 2 * k),
                      __builtin_fmaf(emulated_wide(&a, 2 * k + 1), emulated_wide(&b, 2 * k + 1),
                                     C(f))))

/* Tiles: eight of 16 rows of 64 bytes; rows beyond a tile's shape are zeros. */
static _Thread_local uint8_t emulated_tiles[8][16][64] __attribute__((unused));
static _Thread_local uint8_t emulated_rows[8] __attribute__((unused));

EMULATED void emulated_loadconfig(const uint8_t *shapes) {
    memcpy(emulated_rows, shapes + 48, sizeof emulated_rows);
    memset(emulated_tiles, 0, sizeof emulated_tiles);
}
EMULATED void emulated_loadd(int tile, const void *p, size_t stride) {
    for (int r = 0; r < emulated_rows[tile]; r++)
        memcpy(emulated_tiles[tile][r], (const uint8_t *)p + r * stride, 64);
}
EMULATED void emulated_stored(int tile, void *p, size_t stride) {
    for (int r = 0; r < emulated_rows[tile]; r++)
        memcpy((uint8_t *)p + r * stride, emulated_tiles[tile][r], 64);
}
EMULATED float emulated_part(int tile, int row, int element) {
    uint16_t half;
    memcpy(&half, emulated_tiles[tile][row] + 2 * element, sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static __attribute__((unused, noinline)) void emulated_dpbf16ps(int c, int a, int b) {
    for (int i = 0; i < emulated_rows[c]; i++)
        for (int k = 0; k < emulated_rows[b]; k++)
            for (int j = 0; j < 16; j++) {
                float sum;
                memcpy(&sum, emulated_tiles[c][i] + 4 * j, sizeof sum);
                sum = __builtin_fmaf(emulated_part(a, i, 2 * k), emulated_part(b, k, 2 * j), sum);
                sum = __builtin_fmaf(emulated_part(a, i, 2 * k + 1), emulated_part(b, k, 2 * j + 1),
                                     sum);
                memcpy(emulated_tiles[c][i] + 4 * j, &sum, sizeof sum);
            }
}

#undef A
#undef B
#undef C
#undef FLOATS
#undef WORDS

#define _mm512_add_ps emulated_add_ps
#define _mm512_sub_ps emulated_sub_ps
#define _mm512_mul_ps emulated_mul_ps
#define _mm512_div_ps emulated_div_ps
#define _mm512_max_ps emulated_max_ps
#define _mm512_min_ps emulated_min_ps
#define _mm512_abs_ps emulated_abs_ps
#define _mm512_sqrt_ps emulated_sqrt_ps
#define _mm512_rcp14_ps emulated_rcp14_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#define _mm512_fmaddsub_ps emulated_fmaddsub_ps
#define _mm512_set1_ps emulated_set1_ps
#define _mm512_loadu_ps emulated_loadu_ps
#define _mm512_storeu_ps emulated_storeu_ps
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_mask_mov_ps emulated_mask_mov_ps
#define _mm512_permutexvar_ps emulated_permutexvar_ps
#define _mm512_permutex2var_ps emulated_permutex2var_ps
#undef _mm512_permute_ps
#define _mm512_permute_ps emulated_permute_ps
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 emulated_shuffle_f32x4
#define _mm512_castps256_ps512 emulated_castps256_ps512
#define _mm512_castps512_ps128 emulated_first
#define _mm512_castsi512_ps emulated_as_ps
#define _mm512_add_epi32 emulated_add_epi32
#define _mm512_sub_epi32 emulated_sub_epi32
#define _mm512_add_epi16 emulated_add_epi16
#define _mm512_sub_epi16 emulated_sub_epi16
#define _mm512_and_si512 emulated_and_si512
#define _mm512_or_si512 emulated_or_si512
#define _mm512_xor_si512 emulated_xor_si512
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 emulated_slli_epi32
#undef _mm512_srai_epi32
#define _mm512_srai_epi32 emulated_srai_epi32
#undef _mm512_slli_epi16
#define _mm512_slli_epi16 emulated_slli_epi16
#undef _mm512_srli_epi16
#define _mm512_srli_epi16 emulated_srli_epi16
#undef _mm512_srai_epi16
#define _mm512_srai_epi16 emulated_srai_epi16
#define _mm512_rorv_epi32 emulated_rorv_epi32
#define _mm512_srlv_epi32 emulated_srlv_epi32
#define _mm512_maskz_mov_epi32 emulated_maskz_mov_epi32
#define _mm512_set1_epi8 emulated_set1_epi8
#define _mm512_set1_epi16 emulated_set1_epi16
#define _mm512_set1_epi32 emulated_set1_epi32
#undef _mm512_setr_epi32
#define _mm512_setr_epi32 emulated_setr_epi32
#define _mm512_setzero_si512() emulated_set1_epi32(0)
#define _mm512_setzero_ps() emulated_set1_ps(0)
#define _mm512_loadu_si512 emulated_loadu_si512
#define _mm512_storeu_si512 emulated_storeu
#define _mm512_permutexvar_epi32 emulated_permutexvar_epi32
#undef _mm512_shuffle_epi32
#define _mm512_shuffle_epi32 emulated_shuffle_epi32
#undef _mm512_shuffle_i32x4
#define _mm512_shuffle_i32x4 emulated_shuffle_i32x4
#define _mm512_broadcastd_epi32 emulated_broadcastd_epi32
#define _mm512_broadcastq_epi64 emulated_broadcastq_epi64
#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
#define _mm512_cvttps_epi32 emulated_cvttps_epi32
#undef _mm512_ternarylogic_epi32
#define _mm512_ternarylogic_epi32 emulated_ternarylogic_epi32
#define _mm512_dpbusd_epi32 emulated_dpbusd_epi32
#define _mm512_packs_epi32 emulated_packs_epi32
#define _mm512_packs_epi16 emulated_packs_epi16
#undef _mm512_reduce_ps
#define _mm512_reduce_ps(a, n) emulated_fraction_ps(a)
#define _mm512_scalef_ps emulated_scalef_ps
#define _mm512_cvtph_ps emulated_cvtph_ps
#define _mm512_maskz_cvtph_ps(mask, a) emulated_even_ps(mask, emulated_cvtph_ps(a))
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(a, n) emulated_cvtps_ph(a)
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, n)                                                                \
    ((n) == _CMP_EQ_OQ ? emulated_equal(a, b) : emulated_above(a, b))
#define _mm512_cmplt_epi32_mask emulated_less
#define _mm512_cvtne2ps_pbh emulated_cvtne2ps_pbh
#define _mm512_dpbf16_ps emulated_dpbf16_ps
#define _mm512_cvtneps_pbh emulated_cvtneps_pbh
#define _tile_loadconfig emulated_loadconfig
#define _tile_release() ((void)0)
#undef _tile_zero
#define _tile_zero(tile) memset(emulated_tiles[tile], 0, sizeof emulated_tiles[tile])
#undef _tile_loadd
#define _tile_loadd emulated_loadd
#undef _tile_stream_loadd
#define _tile_stream_loadd emulated_loadd
#undef _tile_stored
#define _tile_stored emulated_stored
#undef _tile_dpbf16ps
#define _tile_dpbf16ps emulated_dpbf16ps
