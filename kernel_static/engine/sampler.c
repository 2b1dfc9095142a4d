/* Temperature, top-k, top-p and min-p over one row of logits.
 *
 * Only the candidates within NEGLIGIBLE of the largest scaled logit are kept: all the others
 * together weigh less than 1e-6 of the likeliest for vocabularies below 300,000. They are put in a
 * heap, and popped in order of probability only as far as the sampling parameters reach. */
#include "sampler.h"

#include "mathematics.h"

#define NEGLIGIBLE 27.0f

static uint64_t rotate_left(uint64_t value, unsigned count) {
    return value << count | value >> (64 - count);
}

void random_seed(struct random_state *random, uint64_t seed) {
    for (size_t i = 0; i < 4; i++) { /* splitmix64, as the generator's authors advise */
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        random->word[i] = z ^ z >> 31;
    }
}

float random_uniform(struct random_state *random) {
    uint64_t *s = random->word;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return (float)(uint32_t)(result >> 40) * 0x1p-24f;
}

static bool before(struct candidate a, struct candidate b) {
    return a.value > b.value || (a.value == b.value && a.token < b.token);
}

static void sift_down(struct candidate *heap, size_t count, size_t at) {
    for (;;) {
        size_t first = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < count; child++)
            if (before(heap[child], heap[first]))
                first = child;
        if (first == at)
            return;
        struct candidate moved = heap[at];
        heap[at] = heap[first];
        heap[first] = moved;
        at = first;
    }
}

/* Moves the likeliest candidate of a heap to its last place. */
static struct candidate heap_pop(struct candidate *heap, size_t count) {
    struct candidate top = heap[0];
    heap[0] = heap[count - 1];
    heap[count - 1] = top;
    sift_down(heap, count - 1, 0);
    return top;
}

static int32_t largest(const float *logits, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > logits[best] || logits[best] != logits[best])
            best = i;
    return (int32_t)best;
}

int32_t sampler_draw(const struct sampling *sampling, struct random_state *random,
                     const float *logits, size_t count, struct candidate *scratch) {
    int32_t best = largest(logits, count);
    if (logits[best] - logits[best] != 0)
        return -1;
    if (sampling->temperature <= 0 || sampling->top_k == 1)
        return best;

    size_t kept = 0;
    float top = logits[best], mass = 0;
    for (size_t i = 0; i < count; i++) {
        float scaled = (logits[i] - top) / sampling->temperature;
        if (scaled >= -NEGLIGIBLE) { /* false for NaN */
            scratch[kept] = (struct candidate){math_exp(scaled), (int32_t)i};
            mass += scratch[kept++].value;
        }
    }
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(scratch, kept, i);

    /* The chosen candidates end up, likeliest last, at the end of the array. top_p is measured
     * against what top_k keeps, so top_k's mass is needed first. */
    size_t limit = sampling->top_k && sampling->top_k < kept ? sampling->top_k : kept;
    size_t chosen = 0;
    float chosen_mass = 0;
    if (limit < kept) {
        mass = 0;
        for (; chosen < limit; chosen++)
            mass += heap_pop(scratch, kept - chosen).value;
    }
    size_t popped = chosen;
    for (chosen = 0; chosen < limit; chosen++) {
        float weight = chosen < popped ? scratch[kept - 1 - chosen].value
                                       : heap_pop(scratch, kept - chosen).value;
        if (chosen && (chosen_mass >= sampling->top_p * mass || weight < sampling->min_p))
            break;
        chosen_mass += weight;
    }

    float target = random_uniform(random) * chosen_mass;
    for (size_t i = 0; i < chosen; i++) {
        target -= scratch[kept - 1 - i].value;
        if (target < 0)
            return scratch[kept - 1 - i].token;
    }
    return scratch[kept - chosen].token; /* rounding left a sliver */
}
