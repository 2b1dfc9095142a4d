/* Steps of a few rows say nothing about long ones, since reading the weights dominates them. */
#include "pace.h"

#include "model.h"

static uint64_t row_nanoseconds = PACE_STAGE_NANOSECONDS / PACE_ROWS_LEAST; /* of a stage */

size_t pace_rows(void) {
    size_t rows = PACE_ROWS_LEAST;
    while (2 * rows <= served_model->step_rows &&
           row_nanoseconds * 2 * rows <= PACE_STAGE_NANOSECONDS)
        rows *= 2;
    return rows;
}

void pace_learn(size_t rows, size_t stages, uint64_t nanoseconds) {
    if (rows >= PACE_ROWS_LEAST && stages)
        row_nanoseconds = nanoseconds / stages / rows;
}
