/* The model's forward pass over a batch of rows, as the engine sees it; implemented by
 * engine/forward.c from the tables of the served model (model.h).
 *
 * A step takes up to the model's step_rows. A row is one token of one sequence: one conversation
 * decoding is a batch of one row, a prompt is many rows of one sequence, many conversations are
 * rows of different sequences. The KV cache is paged: a sequence owns a block table whose entry i
 * is the block that holds positions [i * block_tokens, (i + 1) * block_tokens). Rows of one
 * sequence in one step are neighbours with one table, in ascending position order, and each sees
 * all before it. No two sequences of a step store to one block.
 *
 * Of a row of which nothing is wanted, the last layer only stores keys and values.
 *
 * A step is cut into stages (embedding, each layer, head) so that the caller can move packets
 * between them; nothing in here blocks or allocates. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct forward_row {
    int32_t token;          /* [0, vocabulary) */
    uint32_t position;      /* [0, context) */
    const uint32_t *blocks; /* block table; covers `position` */
    bool logits;            /* next-token logits are wanted */
    bool hidden;            /* the final hidden state is wanted */
};

/* Binds weights from the model image, picks the kernels for this CPU (logged) and reserves the
 * activations through memory_reserve. False, having logged why, if the image or CPU lacks
 * something. */
bool forward_start(void);

/* Hands over the KV cache: `blocks` blocks of block_bytes each at `memory` (64-byte aligned). */
void forward_set_cache(void *memory, size_t blocks);

/* Begins a step; rows are copied. One step at a time. */
void forward_begin(const struct forward_row *rows, size_t count);

/* Runs the next stage. True when the step is complete. */
bool forward_advance(void);

/* After a complete step, of row index `row`: its logits, one for each token of the
 * vocabulary, which at most step_logits rows of a step may want, and its hidden values after the
 * last norm (embeddings pool them). The row must have wanted them. Valid until the next
 * forward_begin. */
const float *forward_logits(size_t row);
const float *forward_hidden(size_t row);

/* Name of the instruction set whose kernels run, for the log and the API ("avx2"). */
const char *forward_instruction_set(void);
