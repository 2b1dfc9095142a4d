/* Where operations of a stage under way find their rows. */
#pragma once

#include "kernels.h"
#include "phases.h"

/* Where a buffer has a row. */
static inline void *row_of(const struct stage_work *work, uint16_t buffer, size_t row) {
    const struct row_buffer *found = &work->step->model->pass->buffers[buffer];
    return work->activations + found->offset + row * found->row_bytes;
}

/* Where a kernel leaves its result that may be quantised. */
static inline float *result_of(const struct stage_work *work, const struct operation *operation,
                               const struct kernel *kernel, size_t row) {
    bool quantized = operation->quantized != 0 && kernel->quantizes;
    return row_of(work, quantized ? operation->quantized : operation->y, row);
}
