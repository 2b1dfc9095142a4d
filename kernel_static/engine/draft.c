/* Lookup from the end, so that the latest occurrence counts. */
#include "draft.h"

#include <string.h>

#include "pace.h"

#define ONE 65536u      /* acceptance of 1 */
#define WEIGHT 8        /* an observation counts for one in so many */
#define LONGEST_MATCH 4 /* tokens that must be the same as the last ones, at best */
#define LEAST_MATCH 2   /* and at least */

static bool forbidden;

void draft_allow(bool allowed) { forbidden = !allowed; }

bool draft_allowed(void) { return !forbidden; }

void drafting_start(struct drafting *drafting) { drafting->acceptance = ONE / 2; }

void drafting_learn(struct drafting *drafting, size_t count, size_t right) {
    for (size_t i = 0; i < count && i <= right; i++) {
        uint32_t seen = i < right ? ONE : 0;
        drafting->acceptance = (drafting->acceptance * (WEIGHT - 1) + seen) / WEIGHT;
    }
}

/* A guess is worth its row if the tokens of a step come faster with it: the n-th is right only if
 * those before it were. */
size_t drafting_length(const struct drafting *drafting, size_t rows, size_t answers, size_t most) {
    double chance = (double)drafting->acceptance / ONE, reach = 1;
    double tokens = (double)answers, best = tokens / (double)pace_cost(rows);
    size_t length = 0;
    for (size_t n = 1; n <= most; n++) {
        reach *= chance;
        tokens += reach;
        double rate = tokens / (double)pace_cost(rows + n);
        if (rate > best) {
            best = rate;
            length = n;
        }
    }
    return length;
}

/* Where the last `match` tokens stood before: the place behind them; 0 if nowhere. */
static size_t find(const int32_t *tokens, size_t count, size_t match) {
    const int32_t *last = tokens + count - match;
    for (size_t at = count - 1; at >= match; at--)
        if (tokens[at - 1] == last[match - 1] &&
            !memcmp(tokens + at - match, last, match * sizeof *tokens))
            return at;
    return 0;
}

size_t draft_guess(const int32_t *tokens, size_t count, int32_t *guesses, size_t most) {
    size_t place = 0;
    for (size_t match = forbidden ? 0 : LONGEST_MATCH; match >= LEAST_MATCH && !place; match--)
        if (count > match)
            place = find(tokens, count, match);
    size_t found = 0;
    while (place && found < most && place + found < count) {
        guesses[found] = tokens[place + found];
        found++;
    }
    return found;
}
