/* Rules of the chain that are more than one call. */
#pragma once

#include "candidates.h"
#include "sampler.h"

/* Adds biases and forbids tokens, before the row's first survey. */
void rule_bias(const struct sampler *sampler, const struct sampler_row *row,
               struct candidates *candidates);

/* Repetition, presence and frequency of tokens. */
void rule_penalties(const struct sampler *sampler, const struct sampler_row *row,
                    struct candidates *candidates);

/* Repetition of passages. `lengths` has room for one number for each token. */
void rule_dry(const struct sampler *sampler, const struct sampler_row *row, uint32_t *lengths,
              struct candidates *candidates);

void rule_typical(const struct sampling *rules, struct candidates *candidates);
void rule_xtc(struct sampler *sampler, struct candidates *candidates);
void rule_temperature(const struct sampling *rules, struct candidates *candidates);

/* The draw of mirostat, which learns from what it draws. */
struct candidate mirostat_pick(struct sampler *sampler, size_t vocabulary,
                               struct candidates *candidates);

/* Calls `change` with the value and the mark of each candidate whose token is among `tokens` and
 * has a mark, and takes the result for its value. Marks must have been set after marks_clear with
 * the same tokens. */
void marks_clear(struct candidates *candidates, const int32_t *tokens, size_t count);
void marks_apply(struct candidates *candidates, const int32_t *tokens, size_t count,
                 float (*change)(const struct sampling *rules, float value, uint32_t mark),
                 const struct sampling *rules);
