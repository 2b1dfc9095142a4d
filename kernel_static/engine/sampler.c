/* Temperature, top-k, top-p and min-p over one row of logits.
 *
 * Weights, 1 for the likeliest token, stand for probabilities. What the filters leave is found by
 * partition (Hoare's selection), not by sorting, among the tokens that are likely enough to be
 * looked at; then one is drawn by its weight. */
#include "sampler.h"

#include <stdbool.h>

#include "logits.h"

#define LEVELS 3
#define INFINITE __builtin_inff()

static bool before(struct candidate a, struct candidate b) {
    return a.value > b.value || (a.value == b.value && a.token < b.token);
}

static void swap(struct candidate *a, struct candidate *b) {
    struct candidate moved = *a;
    *a = *b;
    *b = moved;
}

/* Moves the middle one of first, middle and last to the last place. */
static void choose_pivot(struct candidate *items, size_t count) {
    struct candidate *first = items, *middle = items + count / 2, *last = items + count - 1;
    if (before(*middle, *first))
        swap(middle, first);
    if (before(*last, *middle))
        swap(last, middle);
    if (before(*middle, *first))
        swap(middle, first);
    swap(middle, last);
}

/* Tokens, the chosen ones first. */
struct choice {
    struct candidate *items;
    size_t count; /* chosen */
    float mass;   /* of those */
};

/* Chooses more of the `count` items behind the chosen ones, likeliest first, until `most` are
 * chosen or their mass is `enough`; at least one. */
static void choose_likeliest(struct choice *choice, size_t count, size_t most, float enough) {
    size_t end = choice->count + count;
    while (choice->count < end && choice->count < most &&
           (!choice->count || choice->mass < enough)) {
        struct candidate *items = choice->items + choice->count;
        size_t left = end - choice->count, above = 0;
        float mass = 0;
        choose_pivot(items, left);
        for (size_t i = 0; i + 1 < left; i++)
            if (before(items[i], items[left - 1])) {
                mass += items[i].value;
                swap(&items[above++], &items[i]);
            }
        swap(&items[above], &items[left - 1]);
        if (above && (choice->count + above >= most || choice->mass + mass >= enough)) {
            end = choice->count + above;
        } else {
            choice->mass += mass + items[above].value;
            choice->count += above + 1;
        }
    }
}

/* Puts the values in [low, high) behind the chosen ones. Returns how many they are. */
static size_t gather(const struct logits *logits, float scale, float low, float high,
                     struct choice *choice, float *mass) {
    struct candidate *items = choice->items + choice->count;
    float weights[LOGITS_CHUNK];
    size_t found = 0;
    *mass = 0;
    for (size_t chunk = 0; chunk < logits->chunks; chunk++) {
        if (!(logits->peaks[chunk] >= low))
            continue;
        logits_weights(logits, scale, chunk, weights);
        for (size_t i = 0, at = chunk * LOGITS_CHUNK; i < LOGITS_CHUNK && at < logits->count;
             i++, at++)
            if (weights[i] > 0 && logits->values[at] >= low && logits->values[at] < high) {
                items[found++] = (struct candidate){weights[i], (int32_t)at};
                *mass += weights[i];
            }
    }
    return found;
}

/* A value that at least `count` values reach: so many chunks have their peaks there. */
static float reached_by(const struct logits *logits, size_t count, struct candidate *scratch) {
    struct choice peaks = {.items = scratch};
    if (count > logits->chunks)
        return -INFINITE;
    for (size_t i = 0; i < logits->chunks; i++)
        scratch[i] = (struct candidate){logits->peaks[i], (int32_t)i};
    choose_likeliest(&peaks, logits->chunks, count, INFINITE);
    float reached = INFINITE;
    for (size_t i = 0; i < count; i++)
        reached = scratch[i].value < reached ? scratch[i].value : reached;
    return reached;
}

/* The top_k likeliest, and of those as many as top_p allows. */
static void choose_few(const struct sampling *sampling, const struct logits *logits, float scale,
                       struct choice *choice) {
    float mass, low = reached_by(logits, sampling->top_k, choice->items);
    size_t found = gather(logits, scale, low, INFINITE, choice, &mass);
    choose_likeliest(choice, found, sampling->top_k, INFINITE);
    if (sampling->top_p < 1) {
        float enough = sampling->top_p * choice->mass;
        found = choice->count;
        choice->count = 0;
        choice->mass = 0;
        choose_likeliest(choice, found, found, enough);
    }
}

/* As many as top_p allows, looked for among the likely ones first. */
static void choose(const struct sampling *sampling, const struct logits *logits, float scale,
                   float *masses, struct choice *choice) {
    static const float depths[LEVELS] = {4, 9, LOGITS_NEGLIGIBLE + 1};
    static const float least_weights[LEVELS] = {0.0183f, 1.23e-4f, 0}; /* e^-depth */
    float mass, high = INFINITE, enough = INFINITE;
    if (sampling->top_p < 1)
        enough = sampling->top_p * logits_masses(logits, scale, masses);
    for (size_t i = 0; i < LEVELS && (!choice->count || choice->mass < enough); i++) {
        float low = logits->top - depths[i] * sampling->temperature;
        size_t found = gather(logits, scale, low, high, choice, &mass);
        if (choice->mass + mass < enough) {
            choice->count += found;
            choice->mass += mass;
        } else {
            choose_likeliest(choice, found, logits->count, enough);
        }
        if (least_weights[i] < sampling->min_p)
            break;
        high = low;
    }
}

static void drop_unlikely(struct choice *choice, float least_weight) {
    size_t kept = 0;
    choice->mass = 0;
    for (size_t i = 0; i < choice->count; i++)
        if (choice->items[i].value >= least_weight) {
            choice->mass += choice->items[i].value;
            choice->items[kept++] = choice->items[i];
        }
    choice->count = kept;
}

static int32_t pick(const struct choice *choice, float uniform) {
    float target = uniform * choice->mass;
    for (size_t i = 0; i < choice->count; i++) {
        target -= choice->items[i].value;
        if (target < 0)
            return choice->items[i].token;
    }
    return choice->items[0].token; /* rounding left a sliver */
}

/* Any token, by its weight alone. */
static int32_t pick_any(const struct logits *logits, float scale, float uniform, float *masses) {
    float weights[LOGITS_CHUNK], target = uniform * logits_masses(logits, scale, masses);
    size_t chunk = 0, at = 0;
    while (chunk + 1 < logits->chunks && target >= masses[chunk])
        target -= masses[chunk++];
    logits_weights(logits, scale, chunk, weights);
    while (at < LOGITS_CHUNK && (weights[at] == 0 || target >= weights[at]))
        target -= weights[at++];
    if (at == LOGITS_CHUNK)
        return (int32_t)logits_first(logits); /* rounding left a sliver */
    return (int32_t)(chunk * LOGITS_CHUNK + at);
}

size_t sampler_scratch(size_t count) {
    return count * sizeof(struct candidate) + 2 * logits_chunks(count) * sizeof(float);
}

int32_t sampler_draw(const struct sampling *sampling, struct random_state *random,
                     const float *values, size_t count, void *scratch) {
    struct choice choice = {.items = scratch};
    float *peaks = (float *)(choice.items + count), *masses = peaks + logits_chunks(count);
    struct logits logits = logits_survey(values, count, peaks);
    if (logits.top - logits.top != 0)
        return -1;
    float scale = 1 / sampling->temperature; /* infinite for the smallest: in the limit greedy */
    if (sampling->temperature <= 0 || scale == INFINITE || sampling->top_k == 1)
        return (int32_t)logits_first(&logits);

    bool few = sampling->top_k && sampling->top_k < count;
    if (!few && sampling->top_p >= 1 && sampling->min_p <= 0)
        return pick_any(&logits, scale, random_uniform(random), masses);
    if (few)
        choose_few(sampling, &logits, scale, &choice);
    else
        choose(sampling, &logits, scale, masses, &choice);
    drop_unlikely(&choice, sampling->min_p);
    return pick(&choice, random_uniform(random));
}
