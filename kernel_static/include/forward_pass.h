/* The forward pass of a model as data: generated from what the model's spec says, run by
 * engine/forward.c. A pass is stages in order (embedding, each layer, head), a stage is phases in
 * order with a barrier between them, and a phase is operations that the workers share out in one
 * way, so that within a phase each needs only what its own worker made in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where one value lies in the activations: bytes from their start, and from a row to the next.
 * Buffers are numbered from 1 up; 0 stands for none. */
struct row_buffer {
    size_t offset, row_bytes;
};

enum operation_kind {
    OPERATION_EMBED, /* y: the rows of the weights that the tokens name */
    OPERATION_COPY,  /* y = x */
    OPERATION_ASKED, /* y: of x, the rows that want logits */
    OPERATION_NORM,  /* y: x normalised with the weights as gain and `number` as epsilon, each
                        of `parts` of a row by itself */
    OPERATION_NORM_QUANTIZE, /* q: the same, quantised */
    OPERATION_QUANTIZE,      /* q: x */
    OPERATION_SCALE,         /* y: x times `number` */
    OPERATION_ADD,           /* y + x */
    OPERATION_BIAS,          /* y + the weights */
    OPERATION_GATE,          /* y: x gated, times `up` */
    OPERATION_MATMUL,        /* y: q times the weights, or that added */
    OPERATION_GATED,         /* y, or `quantized`: q times both weights, joined by a gate */
    OPERATION_ROPE,          /* x turned by `cosines` and `sines` */
    OPERATION_STORE,         /* keys k and values v go to the cache */
    OPERATION_ATTENTION,     /* y, or `quantized`: q attends to what the cache has */
};

/* Kernels are numbered from 1 up, as in kernel_set; 0 stands for none. */
struct operation {
    enum operation_kind kind;
    uint16_t kernel;
    uint16_t x, y, q, k, v, up, cosines, sines, quantized; /* buffers */
    uint16_t stretches, states; /* buffers of step_slots a row: what comes of stretches */
    uint16_t quantizer;         /* of attention: the kernel that makes `quantized` of y */
    size_t weights[2];          /* bytes from the start of the stage's weights */
    bool elsewhere;             /* they count from the start of all weights: another stage's */
    size_t tiles;               /* of a matrix: its rows by 16 */
    size_t groups;              /* of attention: heads of keys and values, */
    size_t heads;               /* of queries, */
    size_t width;               /* values of a head, */
    size_t window;              /* the last positions that a row sees; 0: all */
    size_t parts;               /* of a norm */
    float number;               /* epsilon of a norm, factor of a scale */
};

enum phase_split {
    SPLIT_ROWS,   /* each worker has rows of its own */
    SPLIT_TILES,  /* workers take tiles of the matrices */
    SPLIT_BLOCKS, /* who has a KV block's first row has all rows of the block */
    SPLIT_GROUPS, /* workers take groups and stretches of rows that attend together */
};

struct phase {
    enum phase_split split;
    bool asked;              /* it is about the rows that want logits only */
    uint16_t unless;         /* skipped where this kernel quantises */
    const uint16_t *carried; /* before it, in the last layer: buffers of which only rows that are
                                wanted stay; 0 ends them; null where nothing is dropped */
    const struct operation *operations;
    size_t operation_count;
};

struct stage {
    const struct phase *phases;
    size_t phase_count;
    size_t weight_bytes; /* stages' weights follow each other in the "weights" section */
    size_t cache_bytes;  /* of the layer's keys and values in a KV block, where layers follow each
                            other too */
};

struct stage_run {
    const struct stage *stage;
    size_t count; /* so many in a row */
};

/* Radians a position of each rotated pair, and where a step's cosines and sines go. */
struct rotation {
    const double *frequencies;
    size_t pairs;
    uint16_t cosines, sines;
};

/* By which sets are compared at start: `matmul` of a few tiles with rows that `quantize` made; no
 * matmul: the model has no matrix that would do. */
struct kernel_probe {
    uint16_t matmul, quantize;
    size_t inputs, outputs, row_bytes; /* row_bytes: of a quantised row */
    size_t tiles, rows;                /* of a call, the rows at most */
    size_t weights;                    /* the matrix: bytes into the section */
};

struct forward_pass {
    const struct row_buffer *buffers;
    const struct rotation *rotations;
    size_t rotation_count;
    const struct stage_run *stages;
    size_t stage_run_count;
    uint16_t hidden, logits;  /* buffers */
    size_t attention_rows;    /* of one call of an attention kernel, at most */
    size_t attention_groups;  /* of an attention, at most */
    size_t attention_stretch; /* positions that are attended to as one */
    size_t step_slots;        /* for each row of a step, places for what comes of a stretch */
    struct kernel_probe probe;
};
