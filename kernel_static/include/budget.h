/* How much memory those who ask may hold: each has some of its own, and what it needs beyond that
 * comes out of a pool that all share. So nobody is refused a little because others hold much. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget_pool {
    size_t left;       /* bytes */
    uint64_t refusals; /* how often too few were left */
};

struct budget {
    struct budget_pool *pool;
    size_t own, held; /* bytes: its own, and what it holds of both */
};

/* Of `held` bytes, those out of the pool. */
static inline size_t budget_shared(const struct budget *budget, size_t held) {
    return held > budget->own ? held - budget->own : 0;
}

/* Takes bytes; false, and nothing taken, if the pool has too few left. A null budget has any. */
static inline bool budget_take(struct budget *budget, size_t bytes) {
    if (!budget)
        return true;
    size_t more = budget_shared(budget, budget->held + bytes) - budget_shared(budget, budget->held);
    if (more > budget->pool->left) {
        budget->pool->refusals++;
        return false;
    }
    budget->pool->left -= more;
    budget->held += bytes;
    return true;
}

/* Gives bytes back that were taken. */
static inline void budget_give(struct budget *budget, size_t bytes) {
    if (!budget)
        return;
    budget->pool->left +=
        budget_shared(budget, budget->held) - budget_shared(budget, budget->held - bytes);
    budget->held -= bytes;
}
