/* Steps are remembered by their size, from one power of two to the next: how many rows the last
 * ones had and what they took, each a moving average. More rows never take less, and no more for
 * each row; so what one size took bounds what is believed of the others, and a machine that becomes
 * slow or fast is noticed at all sizes. */
#include "pace.h"

#include <stdbool.h>

#include "model.h"

#define SIZES 17    /* up to 65,536 rows */
#define FRACTION 16 /* rows are kept in sixteenths */

static struct size {
    uint64_t rows;        /* FRACTION times; 0: nothing is known */
    uint64_t nanoseconds; /* of a step */
} sizes[SIZES];
static size_t step_stages = 1;

static size_t size_of(size_t rows) {
    size_t size = 0;
    while (size + 1 < SIZES && (size_t)2 << size <= rows)
        size++;
    return size;
}

uint64_t pace_cost(size_t rows) {
    const struct size *below = NULL, *above = NULL;
    uint64_t wanted = FRACTION * (uint64_t)rows;
    for (const struct size *size = sizes; size < sizes + SIZES && !above; size++)
        if (size->rows && size->rows <= wanted)
            below = size;
        else if (size->rows)
            above = size;
    if (!below && !above)
        return (uint64_t)rows * (PACE_STAGE_NANOSECONDS / PACE_ROWS_LEAST) * step_stages;
    if (!below)
        return above->nanoseconds;
    if (!above)
        return below->nanoseconds * wanted / below->rows;
    return below->nanoseconds + (above->nanoseconds - below->nanoseconds) * (wanted - below->rows) /
                                    (above->rows - below->rows);
}

/* What is known of another size, as far as this one allows. */
static void bound(struct size *other, const struct size *size) {
    uint64_t linear = size->nanoseconds * other->rows / size->rows + 1;
    uint64_t least = other > size ? size->nanoseconds : linear;
    uint64_t most = other > size ? linear : size->nanoseconds;
    if (other->nanoseconds < least)
        other->nanoseconds = least;
    if (other->nanoseconds > most)
        other->nanoseconds = most;
}

void pace_learn(size_t rows, size_t stages, uint64_t nanoseconds) {
    struct size *size = &sizes[size_of(rows)];
    uint64_t seen = FRACTION * (uint64_t)rows;
    step_stages = stages ? stages : 1;
    nanoseconds += !nanoseconds;
    size->nanoseconds = size->rows ? (size->nanoseconds + nanoseconds) / 2 : nanoseconds;
    size->rows = size->rows ? (size->rows + seen) / 2 : seen;
    for (struct size *other = sizes; other < sizes + SIZES; other++)
        if (other != size && other->rows)
            bound(other, size);
}

/* 8, 12, 16, 24, 32, 48 ...: not all numbers, so that steps are alike. */
static size_t more(size_t rows) { return rows & (rows - 1) ? rows / 3 * 4 : rows / 2 * 3; }

size_t pace_rows(size_t answers) {
    uint64_t most = (uint64_t)PACE_STAGE_NANOSECONDS * step_stages;
    uint64_t stretched = pace_cost(answers ? answers : 1) * PACE_STRETCH / 2;
    if (answers && stretched < most)
        most = stretched;
    size_t rows = PACE_ROWS_LEAST;
    while (answers + more(rows) <= served_model->step_rows &&
           pace_cost(answers + more(rows)) <= most)
        rows = more(rows);
    return rows;
}
