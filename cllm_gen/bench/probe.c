/* What this machine can do: `probe BYTES THREADS` prints, as JSON, how fast 1 to THREADS pinned
 * threads read a working set of BYTES (bytes a second, each thread its own part, front to back) and
 * how many operations a second each kind of multiplier does with its operands in registers (a
 * multiply-add is two). A kind that the CPU lacks is left out. Each figure is the best of several
 * turns. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURNS 25
#define REPEATS 200000 /* of a multiplier's inner loop */
#define THREADS_MAX 256
#define ARCH_REQ_XCOMP_PERM 0x1023 /* arch_prctl(2): asks for tile registers */
#define TILE_DATA 18

static uint8_t *memory;
static size_t bytes;
static _Atomic uint64_t sink; /* keeps results alive */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Reading: four fronts in a part keep more lines under way than one does. */
#define FRONTS 4

__attribute__((target("avx512f"))) static void read_avx512(const uint8_t *from, size_t size) {
    __m512i sums[FRONTS] = {_mm512_setzero_si512()};
    size_t each = size / FRONTS / 256 * 256;
    for (size_t i = 0; i < each; i += 256)
        for (size_t front = 0; front < FRONTS; front++)
            for (size_t j = 0; j < 256; j += 64)
                sums[front] =
                    _mm512_xor_si512(sums[front], _mm512_loadu_si512(from + front * each + i + j));
    for (size_t front = 0; front < FRONTS; front++)
        sink += (uint64_t)_mm512_reduce_add_epi64(sums[front]);
}

static void read_sse2(const uint8_t *from, size_t size) {
    __m128i sums[FRONTS] = {_mm_setzero_si128()};
    size_t each = size / FRONTS / 64 * 64;
    for (size_t i = 0; i < each; i += 64)
        for (size_t front = 0; front < FRONTS; front++)
            for (size_t j = 0; j < 64; j += 16)
                sums[front] = _mm_xor_si128(
                    sums[front], _mm_loadu_si128((const __m128i *)(from + front * each + i + j)));
    for (size_t front = 0; front < FRONTS; front++)
        sink += (uint64_t)_mm_cvtsi128_si64(sums[front]);
}

static void read_part(size_t thread, size_t threads) {
    size_t part = bytes / threads;
    if (__builtin_cpu_supports("avx512f"))
        read_avx512(memory + thread * part, part);
    else
        read_sse2(memory + thread * part, part);
}

/* Multiplying: enough independent sums that latency does not show. */
#define SUMS 12

__attribute__((target("avx2,fma"))) static void fma_avx2(void) {
    __m256 sums[SUMS], factor = _mm256_set1_ps(0.5f);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm256_set1_ps((float)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], factor, factor);
    for (size_t i = 0; i < SUMS; i++)
        sink += (uint64_t)_mm256_cvtss_f32(sums[i]);
}

/* Pairs of 16 bits: a product and a sum, as AVX2 has no instruction for both. */
__attribute__((target("avx2"))) static void pairs_avx2(void) {
    __m256i sums[SUMS], factor = _mm256_set1_epi16(3);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm256_set1_epi32((int)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        __asm__("" : "+x"(factor)); /* the same product each time would be taken out of the loop */
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(sums[i], factor));
    }
#pragma GCC unroll 12
    for (size_t i = 1; i < SUMS; i++)
        sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    sink += (uint64_t)_mm256_extract_epi32(sums[0], 0);
}

/* Pairs of bytes, summed in 16 bits. */
__attribute__((target("avx2"))) static void bytes_avx2(void) {
    __m256i sums[SUMS], factor = _mm256_set1_epi8(3);
#pragma GCC unroll 12
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm256_set1_epi32((int)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        __asm__("" : "+x"(factor));
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm256_add_epi16(sums[i], _mm256_maddubs_epi16(sums[i], factor));
    }
#pragma GCC unroll 12
    for (size_t i = 1; i < SUMS; i++)
        sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    sink += (uint64_t)_mm256_extract_epi32(sums[0], 0);
}

__attribute__((target("avxvnni"))) static void vnni_avx(void) {
    __m256i sums[SUMS], factor = _mm256_set1_epi8(3);
#pragma GCC unroll 12
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm256_set1_epi32((int)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm256_dpbusd_avx_epi32(sums[i], factor, factor);
#pragma GCC unroll 12
    for (size_t i = 1; i < SUMS; i++)
        sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    sink += (uint64_t)_mm256_extract_epi32(sums[0], 0);
}

__attribute__((target("avx512f"))) static void fma_avx512(void) {
    __m512 sums[SUMS], factor = _mm512_set1_ps(0.5f);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm512_set1_ps((float)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm512_fmadd_ps(sums[i], factor, factor);
    for (size_t i = 0; i < SUMS; i++)
        sink += (uint64_t)_mm512_reduce_add_ps(sums[i]);
}

__attribute__((target("avx512f,avx512vnni"))) static void vnni_avx512(void) {
    __m512i sums[SUMS], factor = _mm512_set1_epi8(3);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm512_set1_epi32((int)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm512_dpbusd_epi32(sums[i], factor, factor);
    for (size_t i = 0; i < SUMS; i++)
        sink += (uint64_t)_mm512_reduce_add_epi32(sums[i]);
}

__attribute__((target("avx512f,avx512vnni"))) static void pairs_avx512(void) {
    __m512i sums[SUMS], factor = _mm512_set1_epi16(3);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm512_set1_epi32((int)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm512_dpwssd_epi32(sums[i], factor, factor);
    for (size_t i = 0; i < SUMS; i++)
        sink += (uint64_t)_mm512_reduce_add_epi32(sums[i]);
}

__attribute__((target("avx512f,avx512bf16"))) static void bf16_avx512(void) {
    __m512 sums[SUMS];
    __m512bh factor = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    for (size_t i = 0; i < SUMS; i++)
        sums[i] = _mm512_set1_ps((float)i);
    for (size_t repeat = 0; repeat < REPEATS; repeat++)
#pragma GCC unroll 12
        for (size_t i = 0; i < SUMS; i++)
            sums[i] = _mm512_dpbf16_ps(sums[i], factor, factor);
    for (size_t i = 0; i < SUMS; i++)
        sink += (uint64_t)_mm512_reduce_add_ps(sums[i]);
}

/* Tiles of 16 rows by 64 bytes: two by two products, as a matrix kernel holds them. */
struct tile_configuration {
    uint8_t palette, start_row, zero[14];
    uint16_t columns[16];
    uint8_t rows[16];
};

__attribute__((target("amx-tile"))) static void tiles_begin(void) {
    /* Static: the intrinsic tells the compiler of the first bytes only. */
    static const struct tile_configuration wanted = {
        .palette = 1, .columns = {[0 ... 7] = 64}, .rows = {[0 ... 7] = 16}};
    static const uint8_t zeros[16 * 64] __attribute__((aligned(64)));
    _tile_loadconfig(&wanted);
    _tile_loadd(4, zeros, 64);
    _tile_loadd(5, zeros, 64);
    _tile_loadd(6, zeros, 64);
    _tile_loadd(7, zeros, 64);
}

__attribute__((target("amx-tile,amx-int8"))) static void int8_amx(void) {
    tiles_begin();
    for (size_t repeat = 0; repeat < REPEATS / 8; repeat++) {
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_release();
}

__attribute__((target("amx-tile,amx-bf16"))) static void bf16_amx(void) {
    tiles_begin();
    for (size_t repeat = 0; repeat < REPEATS / 8; repeat++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_release();
}

/* CPUID leaf 7 names the tile units; the system must grant their registers too. */
static bool has_tiles(unsigned bit) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1) && (d >> bit & 1) &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
}

struct unit {
    const char *name;
    void (*run)(void);
    double operations; /* of one run */
    bool present;
};

static struct unit units[10];

static void find_units(void) {
    double vectors = 2.0 * SUMS * REPEATS, tiles = 2.0 * 4 * 16 * 16 * (REPEATS / 8);
    bool avx2 = __builtin_cpu_supports("avx2"), wide = __builtin_cpu_supports("avx512f");
    bool vnni = wide && __builtin_cpu_supports("avx512vnni");
    bool bf16 = wide && __builtin_cpu_supports("avx512bf16");
    bool fma = avx2 && __builtin_cpu_supports("fma"), vex = __builtin_cpu_supports("avxvnni");
    const struct unit found[] = {
        {"f32_avx2", fma_avx2, 8 * vectors, fma},
        {"int16_avx2", pairs_avx2, 16 * vectors, avx2},
        {"int8_avx2", bytes_avx2, 32 * vectors, avx2},
        {"int8_avx_vnni", vnni_avx, 32 * vectors, vex},
        {"f32_avx512", fma_avx512, 16 * vectors, wide},
        {"bf16_avx512", bf16_avx512, 32 * vectors, bf16},
        {"int16_avx512_vnni", pairs_avx512, 32 * vectors, vnni},
        {"int8_avx512_vnni", vnni_avx512, 64 * vectors, vnni},
        {"bf16_amx", bf16_amx, 32 * tiles, has_tiles(22)},
        {"int8_amx", int8_amx, 64 * tiles, has_tiles(25)},
    };
    _Static_assert(sizeof found == sizeof units, "as many as there is room for");
    memcpy(units, found, sizeof units);
}

/* One measurement: `unit` null reads memory. Threads meet before each turn, so that a turn lasts
 * from the meeting to the last one's end. */
struct measurement {
    const struct unit *unit;
    size_t threads;
    _Atomic size_t arrived, ended;
    double best;
};

struct member {
    struct measurement *whole;
    size_t index;
};

/* Stays on the index-th CPU that this process may use. */
static void pin(size_t index) {
    cpu_set_t allowed, place;
    sched_getaffinity(0, sizeof allowed, &allowed);
    CPU_ZERO(&place);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && index-- == 0)
            CPU_SET(cpu, &place);
    pthread_setaffinity_np(pthread_self(), sizeof place, &place);
}

static void *measure(void *argument) {
    struct member *self = argument;
    struct measurement *whole = self->whole;
    pin(self->index);
    for (size_t turn = 1; turn <= TURNS; turn++) {
        whole->arrived++;
        while (whole->arrived < turn * whole->threads)
            _mm_pause();
        double begun = seconds();
        if (whole->unit)
            whole->unit->run();
        else
            read_part(self->index, whole->threads);
        whole->ended++;
        while (whole->ended < turn * whole->threads)
            _mm_pause();
        double took = seconds() - begun;
        if (self->index == 0 && took < whole->best)
            whole->best = took;
    }
    return NULL;
}

/* Seconds of the best turn. */
static double best_of(const struct unit *unit, size_t threads) {
    struct measurement whole = {.unit = unit, .threads = threads, .best = 1e9};
    struct member members[THREADS_MAX];
    pthread_t handles[THREADS_MAX];
    for (size_t i = 0; i < threads; i++) {
        members[i] = (struct member){&whole, i};
        pthread_create(&handles[i], NULL, measure, &members[i]);
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(handles[i], NULL);
    return whole.best;
}

static void print(const char *name, const struct unit *unit, double amount, size_t threads) {
    printf("\"%s\": [", name);
    for (size_t i = 1; i <= threads; i++)
        printf("%s%.4g", i > 1 ? ", " : "", amount * (unit ? (double)i : 1) / best_of(unit, i));
    printf("]");
}

int main(int count, char **values) {
    size_t threads = count == 3 ? strtoul(values[2], NULL, 10) : 0;
    bytes = count == 3 ? strtoul(values[1], NULL, 10) : 0;
    if (!bytes || !threads || threads > THREADS_MAX) {
        fputs("usage: probe BYTES THREADS\n", stderr);
        return 2;
    }
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("probe: memory");
        return 1;
    }
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 1, bytes);
    find_units();
    printf("{");
    print("bandwidth", NULL, (double)bytes, threads);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].present) {
            printf(", ");
            print(units[i].name, &units[i], units[i].operations, threads);
        }
    puts("}");
    return 0;
}
