/* What a row and a list answer alike, but for what filters leave (candidates_keep.c). All sums are
 * taken in one order, so they do not depend on the number of workers. */
#include "candidates.h"

#include <string.h>

#include "candidates_choice.h"
#include "mathematics.h"

static const struct candidate_order by_value;
static const float lowest = -__builtin_inff();

size_t candidates_scratch(size_t count) {
    return count * (sizeof(struct candidate) + sizeof(float) + sizeof(uint32_t)) +
           2 * logits_chunks(count) * sizeof(float);
}

void candidates_start(struct candidates *candidates, const float *values, size_t count,
                      void *scratch) {
    size_t chunks = logits_chunks(count);
    float *peaks = scratch, *masses = peaks + chunks, *own = masses + chunks;
    uint32_t *marks = (uint32_t *)(own + count);
    *candidates = (struct candidates){.whole = true,
                                      .row = {values, count, chunks, peaks, lowest},
                                      .items = (struct candidate *)(marks + count),
                                      .scale = 1,
                                      .own = own,
                                      .masses = masses,
                                      .marks = marks};
}

float *candidates_own_row(struct candidates *candidates) {
    if (!candidates->whole)
        return NULL;
    if (candidates->row.values != candidates->own)
        memcpy(candidates->own, candidates->row.values, candidates->row.count * sizeof(float));
    candidates->row.values = candidates->own;
    return candidates->own;
}

static void weigh(struct candidates *candidates) {
    float values[4], weights[4];
    for (size_t i = 0; i < candidates->count; i += 4) {
        size_t left = candidates->count - i < 4 ? candidates->count - i : 4;
        for (size_t j = 0; j < 4; j++)
            values[j] = j < left ? candidates->items[i + j].value : lowest;
        logits_weigh(values, candidates->top, candidates->scale, weights);
        for (size_t j = 0; j < left; j++)
            candidates->items[i + j].weight = weights[j];
    }
}

void candidates_survey(struct candidates *candidates) {
    if (candidates->whole) {
        candidates->row =
            logits_survey(candidates->row.values, candidates->row.count, candidates->row.peaks);
        candidates->top = candidates->row.top;
        return;
    }
    candidates->top = lowest;
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->items[i].value > candidates->top)
            candidates->top = candidates->items[i].value;
    weigh(candidates);
}

void candidates_set_scale(struct candidates *candidates, float scale) {
    candidates->scale *= scale;
    if (!candidates->whole)
        weigh(candidates);
}

void candidates_settle(struct candidates *candidates) {
    float scale = candidates->scale, *row;
    if (scale == 1)
        return;
    candidates->scale = 1;
    row = candidates_own_row(candidates);
    for (size_t i = 0; row && i < candidates->row.count; i++)
        row[i] *= scale;
    for (size_t i = 0; !row && i < candidates->count; i++)
        candidates->items[i].value *= scale;
}

size_t candidates_count(const struct candidates *candidates) {
    return candidates->whole ? candidates->row.count : candidates->count;
}

float candidates_mass(const struct candidates *candidates) {
    float mass = 0;
    if (candidates->whole)
        return logits_masses(&candidates->row, candidates->scale, candidates->masses);
    for (size_t i = 0; i < candidates->count; i++)
        mass += candidates->items[i].weight;
    return mass;
}

/* A term of sum(weight * ln(weight)). */
static float surprise(const struct candidates *candidates, float weight, float value) {
    return weight > 0 ? weight * (value - candidates->top) * candidates->scale : 0;
}

float candidates_entropy(const struct candidates *candidates, float mass) {
    const struct logits *row = &candidates->row;
    float weights[LOGITS_CHUNK], sum = 0;
    if (!candidates->whole) {
        for (size_t i = 0; i < candidates->count; i++)
            sum += surprise(candidates, candidates->items[i].weight, candidates->items[i].value);
    } else {
        for (size_t chunk = 0; chunk < row->chunks; chunk++) {
            size_t first = chunk * LOGITS_CHUNK;
            logits_weights(row, candidates->scale, chunk, weights);
            for (size_t i = 0; i < LOGITS_CHUNK && first + i < row->count; i++)
                sum += surprise(candidates, weights[i], row->values[first + i]);
        }
    }
    return math_log(mass) - sum / mass;
}

struct spread candidates_spread(const struct candidates *candidates) {
    double sum = 0, squares = 0;
    size_t count = candidates_count(candidates), finite = 0;
    for (int pass = 0; pass < 2; pass++) {
        double mean = finite ? sum / (double)finite : 0;
        for (size_t i = 0; i < count; i++) {
            float value =
                candidates->whole ? candidates->row.values[i] : candidates->items[i].value;
            if (!(value > lowest))
                continue;
            if (pass) {
                squares += (value - mean) * (value - mean);
            } else {
                sum += value;
                finite++;
            }
        }
    }
    double every = finite ? (double)finite : 1;
    return (struct spread){(float)(sum / every), math_sqrt((float)(squares / every))};
}

struct candidate candidates_first(const struct candidates *candidates) {
    if (candidates->whole) {
        size_t at = logits_first(&candidates->row);
        return (struct candidate){candidates->row.values[at], 1, (int32_t)at};
    }
    struct candidate first = candidates->items[0];
    for (size_t i = 1; i < candidates->count; i++)
        if (candidate_before(&by_value, candidates->items[i], first))
            first = candidates->items[i];
    return first;
}

/* Any token of a row, by its weight alone. */
static struct candidate pick_any(const struct candidates *candidates, float uniform) {
    const struct logits *row = &candidates->row;
    float weights[LOGITS_CHUNK], target = uniform * candidates_mass(candidates);
    size_t chunk = 0, at = 0;
    while (chunk + 1 < row->chunks && target >= candidates->masses[chunk])
        target -= candidates->masses[chunk++];
    logits_weights(row, candidates->scale, chunk, weights);
    while (at < LOGITS_CHUNK && (weights[at] == 0 || target >= weights[at]))
        target -= weights[at++];
    if (at == LOGITS_CHUNK)
        return candidates_first(candidates); /* rounding left a sliver */
    size_t token = chunk * LOGITS_CHUNK + at;
    return (struct candidate){row->values[token], weights[at], (int32_t)token};
}

struct candidate candidates_pick(const struct candidates *candidates, float uniform) {
    if (candidates->whole)
        return pick_any(candidates, uniform);
    float target = uniform * candidates_mass(candidates);
    for (size_t i = 0; i < candidates->count; i++) {
        target -= candidates->items[i].weight;
        if (target < 0)
            return candidates->items[i];
    }
    return candidates_first(candidates); /* rounding left a sliver */
}
