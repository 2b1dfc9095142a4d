/* Kernels: C functions compiled for one instruction set and one shape, from specs/kernels, as the
 * forward pass calls them. `rows` is the number of batch rows. Arrays are row-major and on 64-byte
 * boundaries; weights are packed as cllm_gen/schedule/weight_layout.py says. What one set quantised
 * only the same set may multiply. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu_features.h"

/* Rows of the embedding matrix, one a token. */
typedef void embed_kernel(size_t rows, const int32_t *tokens, const void *w, float *x);

/* Tiles [first, last) of the products of rows with a matrix, written to y or added to it. The rows
 * are as quantize leaves them, or floats where the weights are. */
typedef void matmul_kernel(size_t rows, size_t first, size_t last, const void *q, const void *w,
                           float *y);

/* The same with two matrices, joined by a gate (arXiv:2002.05202). */
typedef void gated_kernel(size_t rows, size_t first, size_t last, const void *q, const void *gate,
                          const void *up, float *y);

/* Attention of a few rows of one sequence, the first at `position`, over the keys and values of
 * those of the positions [from, to) that are not beyond its own: groups [first, last).
 * `layer_cache` is the layer's part of block 0, and blocks are `block_bytes` apart. `from` and `to`
 * are multiples of a block, or `to` is beyond all rows. Where these are not all positions that a
 * row sees, `state` gets a reference and a sum of each row and head, and y is left as floats, sums
 * of values by e^(score - reference), not yet divided by that of these factors; else it is null. */
typedef void attention_kernel(size_t rows, size_t position, size_t from, size_t to, size_t first,
                              size_t last, const float *q, const uint8_t *layer_cache,
                              size_t block_bytes, const uint32_t *blocks, float *state, float *y);

/* One row's keys and values to its slot of the layer's part of a block. */
typedef void store_kernel(const float *k, const float *v, uint8_t *layer, size_t slot);

/* Rotary positions, in place. */
typedef void rope_kernel(size_t rows, const float *cosines, const float *sines, float *x);

/* Rows of floats: a norm, written as floats (y may be x) or quantised; rounding to integers; x
 * times a factor; x added to y; a bias added to y; a gated product. */
typedef void norm_kernel(size_t rows, const float *x, const float *gain, float epsilon, float *y);
typedef void norm_quantize_kernel(size_t rows, const float *x, const float *gain, float epsilon,
                                  void *q);
typedef void quantize_kernel(size_t rows, const float *x, void *q);
typedef void scale_kernel(size_t rows, const float *x, float factor, float *y);
typedef void add_kernel(size_t rows, const float *x, float *y);
typedef void bias_kernel(size_t rows, const float *bias, float *y);
typedef void gate_kernel(size_t rows, const float *gate, const float *up, float *y);

struct kernel {
    union {
        embed_kernel *embed;
        matmul_kernel *matmul;
        gated_kernel *gated;
        attention_kernel *attention;
        store_kernel *store;
        rope_kernel *rope;
        norm_kernel *norm;
        norm_quantize_kernel *norm_quantize;
        quantize_kernel *quantize;
        scale_kernel *scale;
        add_kernel *add;
        bias_kernel *bias;
        gate_kernel *gate;
    };
    bool quantizes; /* gated products and attention: y are rows as quantize leaves them */
};

/* A model's kernels for one instruction set, by the numbers that its forward pass has for them. */
struct kernel_set {
    const struct instruction_set *instruction_set;
    const struct kernel *kernels;
};
