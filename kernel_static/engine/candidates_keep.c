/* What filters leave. A whole row is looked at where its likely tokens are, by the peaks of its
 * chunks, and becomes a list of what is left. */
#include "candidates.h"

#include <float.h>

#include "candidates_choice.h"

#define LEVELS 3

static const struct candidate_order by_value;
static const float infinite = __builtin_inff();

/* A bound that -inf does not reach. */
static float bounded(float low) { return low >= -FLT_MAX ? low : -FLT_MAX; }

/* Puts the row's values in [low, high) behind the chosen ones. Returns how many they are. */
static size_t gather(const struct candidates *candidates, float low, float high,
                     const struct choice *choice, float *mass) {
    const struct logits *row = &candidates->row;
    struct candidate *items = choice->items + choice->count;
    float weights[LOGITS_CHUNK];
    size_t found = 0;
    *mass = 0;
    for (size_t chunk = 0; chunk < row->chunks; chunk++) {
        if (!(row->peaks[chunk] >= low))
            continue;
        logits_weights(row, candidates->scale, chunk, weights);
        for (size_t i = 0, at = chunk * LOGITS_CHUNK; i < LOGITS_CHUNK && at < row->count;
             i++, at++)
            if (row->values[at] >= low && row->values[at] < high) {
                items[found++] = (struct candidate){row->values[at], weights[i], (int32_t)at};
                *mass += weights[i];
            }
    }
    return found;
}

/* A value that at least `count` values reach: so many chunks have their peaks there. */
static float reached_by(const struct candidates *candidates, size_t count) {
    const struct logits *row = &candidates->row;
    struct choice peaks = {.items = candidates->items};
    float reached = infinite;
    if (count > row->chunks)
        return -infinite;
    for (size_t i = 0; i < row->chunks; i++)
        peaks.items[i] = (struct candidate){row->peaks[i], 0, (int32_t)i};
    choose_first(&peaks, &by_value, row->chunks, count, infinite);
    for (size_t i = 0; i < count; i++)
        reached = peaks.items[i].value < reached ? peaks.items[i].value : reached;
    return reached;
}

void candidates_list(struct candidates *candidates, float low) {
    struct choice choice = {.items = candidates->items};
    float mass;
    low = bounded(low);
    if (candidates->whole) {
        candidates->count = gather(candidates, low, infinite, &choice, &mass);
        candidates->whole = false;
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->items[i].value >= low)
            candidates->items[kept++] = candidates->items[i];
    candidates->count = kept;
}

void candidates_keep_likeliest(struct candidates *candidates, size_t most) {
    struct choice choice = {.items = candidates->items};
    if (most >= candidates_count(candidates))
        return;
    if (candidates->whole)
        candidates_list(candidates, reached_by(candidates, most));
    choose_first(&choice, &by_value, candidates->count, most, infinite);
    candidates->count = choice.count;
}

void candidates_keep_from(struct candidates *candidates, float low, size_t least) {
    struct candidate last;
    if (least > 1 && candidates_reaching(candidates, low, &last) < least)
        candidates_keep_likeliest(candidates, least);
    else
        candidates_list(candidates, low);
}

/* Chooses of a list what has `enough` mass, and at least so many. */
static void keep_first(struct candidates *candidates, const struct candidate_order *order,
                       float enough, size_t least) {
    struct choice choice = {.items = candidates->items};
    choose_first(&choice, order, candidates->count, candidates->count, enough);
    if (choice.count < least)
        choose_first(&choice, order, candidates->count - choice.count, least, infinite);
    candidates->count = choice.count;
}

/* Looks among the likely ones first: more and more below the top, until the weights vanish. */
void candidates_keep_part(struct candidates *candidates, float part, size_t least, float floor) {
    static const float depths[LEVELS] = {4, 9, LOGITS_NEGLIGIBLE + 1};
    struct choice choice = {.items = candidates->items};
    float enough = part * candidates_mass(candidates), mass, high = infinite;
    if (!candidates->whole) {
        keep_first(candidates, &by_value, enough, least);
        return;
    }
    for (size_t i = 0; i < LEVELS && (!choice.count || choice.mass < enough); i++) {
        float low = bounded(candidates->top - depths[i] / candidates->scale);
        size_t found = gather(candidates, low, high, &choice, &mass);
        if (choice.mass + mass < enough) {
            choice.count += found;
            choice.mass += mass;
        } else {
            choose_first(&choice, &by_value, found, candidates->row.count, enough);
        }
        if (low < floor)
            break;
        high = low;
    }
    if (choice.count < least) {
        candidates_keep_likeliest(candidates, least);
        return;
    }
    candidates->count = choice.count;
    candidates->whole = false;
}

/* Makes a list of the row's values that are at most so far from `center`. Returns their mass. */
static float list_near(struct candidates *candidates, float center, float distance) {
    struct choice choice = {.items = candidates->items};
    float mass = 0, low = bounded(center - distance);
    size_t found = gather(candidates, low, infinite, &choice, &mass), kept = 0;
    mass = 0;
    for (size_t i = 0; i < found; i++)
        if (choice.items[i].value - center <= distance) {
            mass += choice.items[i].weight;
            choice.items[kept++] = choice.items[i];
        }
    candidates->count = kept;
    return mass;
}

void candidates_keep_near(struct candidates *candidates, float center, float part, size_t least) {
    static const float depths[LEVELS] = {1, 3, 9};
    const struct candidate_order order = {.near = true, .center = center};
    float negligible = candidates->top - (LOGITS_NEGLIGIBLE + 1) / candidates->scale;
    float enough = part * candidates_mass(candidates);
    for (size_t i = 0; i < LEVELS && candidates->whole; i++)
        if (list_near(candidates, center, depths[i] / candidates->scale) >= enough &&
            candidates->count >= least)
            candidates->whole = false;
    if (candidates->whole)
        candidates_list(candidates, negligible);
    keep_first(candidates, &order, enough, least);
    candidates_survey(candidates);
}

size_t candidates_reaching(const struct candidates *candidates, float low, struct candidate *last) {
    const struct logits *row = &candidates->row;
    size_t found = 0, count = candidates_count(candidates);
    low = bounded(low);
    for (size_t i = 0; i < count; i++) {
        if (candidates->whole && i % LOGITS_CHUNK == 0 && !(row->peaks[i / LOGITS_CHUNK] >= low)) {
            i += LOGITS_CHUNK - 1;
            continue;
        }
        struct candidate item = candidates->whole
                                    ? (struct candidate){row->values[i], 0, (int32_t)i}
                                    : candidates->items[i];
        if (item.value >= low && (!found++ || candidate_before(&by_value, *last, item)))
            *last = item;
    }
    return found;
}

void candidates_drop_above(struct candidates *candidates, struct candidate last) {
    float *own = candidates_own_row(candidates);
    size_t kept = 0, count = candidates_count(candidates);
    for (size_t i = 0; i < count; i++) {
        struct candidate item =
            own ? (struct candidate){own[i], 0, (int32_t)i} : candidates->items[i];
        if (own && candidate_before(&by_value, item, last))
            own[i] = -infinite;
        else if (!own && !candidate_before(&by_value, item, last))
            candidates->items[kept++] = item;
    }
    candidates->count = kept;
    candidates_survey(candidates);
}

void candidates_keep_first(struct candidates *candidates) {
    candidates->items[0] = candidates_first(candidates);
    candidates->items[0].weight = 1;
    candidates->count = 1;
    candidates->whole = false;
}

size_t candidates_rank(struct candidates *candidates, size_t count) {
    struct choice choice = {.items = candidates->items};
    if (candidates->whole && count < candidates->row.count)
        candidates_keep_likeliest(candidates, count);
    else
        candidates_list(candidates, -infinite);
    if (count > candidates->count)
        count = candidates->count;
    choose_first(&choice, &by_value, candidates->count, count, infinite);
    for (size_t i = 1; i < count; i++) {
        struct candidate moved = candidates->items[i];
        size_t at = i;
        for (; at && candidate_before(&by_value, moved, candidates->items[at - 1]); at--)
            candidates->items[at] = candidates->items[at - 1];
        candidates->items[at] = moved;
    }
    return count;
}
