/* SSE2, which every target has, with the same operations in the same order everywhere: equal
 * logits give equal results on all machines and for any number of workers, who share the chunks. */
#include "logits.h"

#include <emmintrin.h>

#include "workers.h"

#define LOG2_E 1.44269504f
#define LN2_UPPER 0.693359375f /* ten bits, so that products with small integers are exact */
#define LN2_LOWER (-2.12194440e-4f)

static const float lowest = -__builtin_inff();

size_t logits_chunks(size_t count) { return (count + LOGITS_CHUNK - 1) / LOGITS_CHUNK; }

/* A chunk's values; the row's last chunk is filled up with the lowest in `copy`. */
static const float *chunk_values(const struct logits *logits, size_t chunk, float *copy) {
    const float *values = logits->values + chunk * LOGITS_CHUNK;
    size_t count = logits->count - chunk * LOGITS_CHUNK;
    if (count >= LOGITS_CHUNK)
        return values;
    for (size_t i = 0; i < LOGITS_CHUNK; i++)
        copy[i] = i < count ? values[i] : lowest;
    return copy;
}

/* The second operand stays where the first is no number (SDM, MAXPS). */
static float chunk_peak(const float *values) {
    __m128 peaks[4] = {_mm_set1_ps(lowest), _mm_set1_ps(lowest), _mm_set1_ps(lowest),
                       _mm_set1_ps(lowest)};
    for (size_t i = 0; i < LOGITS_CHUNK; i += 16)
        for (size_t j = 0; j < 4; j++)
            peaks[j] = _mm_max_ps(_mm_loadu_ps(values + i + 4 * j), peaks[j]);
    __m128 peak = _mm_max_ps(_mm_max_ps(peaks[0], peaks[1]), _mm_max_ps(peaks[2], peaks[3]));
    peak = _mm_max_ps(peak, _mm_movehl_ps(peak, peak));
    return _mm_cvtss_f32(_mm_max_ss(peak, _mm_shuffle_ps(peak, peak, 1)));
}

/* The first chunk of a worker's part; that of the next worker is its end. */
static size_t part(const struct logits *logits, size_t worker) {
    return logits->chunks * worker / workers_count();
}

static void find_peaks(size_t worker, const void *context) {
    const struct logits *logits = context;
    float copy[LOGITS_CHUNK];
    for (size_t chunk = part(logits, worker); chunk < part(logits, worker + 1); chunk++)
        logits->peaks[chunk] = chunk_peak(chunk_values(logits, chunk, copy));
}

struct logits logits_survey(const float *values, size_t count, float *peaks) {
    struct logits logits = {values, count, logits_chunks(count), peaks, lowest};
    workers_run(find_peaks, &logits);
    for (size_t chunk = 0; chunk < logits.chunks; chunk++)
        logits.top = peaks[chunk] > logits.top ? peaks[chunk] : logits.top;
    return logits;
}

size_t logits_first(const struct logits *logits) {
    size_t chunk = 0;
    while (logits->peaks[chunk] != logits->top)
        chunk++;
    size_t at = chunk * LOGITS_CHUNK;
    while (logits->values[at] != logits->top)
        at++;
    return at;
}

/* e^x for x in [-LOGITS_NEGLIGIBLE, 0], 0 below and for what is no number: 2^k * e^r with
 * |r| <= ln(2)/2, Taylor to r^6, within 3e-7 of the result. */
static __m128 exponential(__m128 x) {
    __m128 counts = _mm_cmpge_ps(x, _mm_set1_ps(-LOGITS_NEGLIGIBLE));
    x = _mm_and_ps(x, counts);
    __m128i k = _mm_cvtps_epi32(_mm_mul_ps(x, _mm_set1_ps(LOG2_E)));
    __m128 turns = _mm_cvtepi32_ps(k);
    __m128 r = _mm_sub_ps(x, _mm_mul_ps(turns, _mm_set1_ps(LN2_UPPER)));
    r = _mm_sub_ps(r, _mm_mul_ps(turns, _mm_set1_ps(LN2_LOWER)));
    __m128 sum = _mm_add_ps(_mm_mul_ps(r, _mm_set1_ps(1 / 720.0f)), _mm_set1_ps(1 / 120.0f));
    sum = _mm_add_ps(_mm_mul_ps(sum, r), _mm_set1_ps(1 / 24.0f));
    sum = _mm_add_ps(_mm_mul_ps(sum, r), _mm_set1_ps(1 / 6.0f));
    sum = _mm_add_ps(_mm_mul_ps(sum, r), _mm_set1_ps(0.5f));
    sum = _mm_add_ps(_mm_mul_ps(sum, r), _mm_set1_ps(1));
    sum = _mm_add_ps(_mm_mul_ps(sum, r), _mm_set1_ps(1));
    __m128i power = _mm_slli_epi32(_mm_add_epi32(k, _mm_set1_epi32(127)), 23);
    return _mm_and_ps(_mm_mul_ps(sum, _mm_castsi128_ps(power)), counts);
}

static __m128 weights_of(const float *values, float top, float scale) {
    __m128 below = _mm_sub_ps(_mm_loadu_ps(values), _mm_set1_ps(top));
    return exponential(_mm_mul_ps(below, _mm_set1_ps(scale)));
}

void logits_weigh(const float values[4], float top, float scale, float weights[4]) {
    _mm_storeu_ps(weights, weights_of(values, top, scale));
}

void logits_weights(const struct logits *logits, float scale, size_t chunk, float *weights) {
    float copy[LOGITS_CHUNK];
    const float *values = chunk_values(logits, chunk, copy);
    for (size_t i = 0; i < LOGITS_CHUNK; i += 4)
        _mm_storeu_ps(weights + i, weights_of(values + i, logits->top, scale));
}

struct masses {
    const struct logits *logits;
    float scale;
    float *each;
};

static void add_up(size_t worker, const void *context) {
    const struct masses *masses = context;
    const struct logits *logits = masses->logits;
    float copy[LOGITS_CHUNK];
    for (size_t chunk = part(logits, worker); chunk < part(logits, worker + 1); chunk++) {
        const float *values = chunk_values(logits, chunk, copy);
        __m128 sum = _mm_setzero_ps();
        for (size_t i = 0; i < LOGITS_CHUNK; i += 4)
            sum = _mm_add_ps(sum, weights_of(values + i, logits->top, masses->scale));
        sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
        masses->each[chunk] = _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
    }
}

float logits_masses(const struct logits *logits, float scale, float *masses) {
    struct masses context = {logits, scale, masses};
    float all = 0;
    workers_run(add_up, &context);
    for (size_t chunk = 0; chunk < logits->chunks; chunk++)
        all += masses[chunk];
    return all;
}
