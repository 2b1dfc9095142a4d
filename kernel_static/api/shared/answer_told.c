/* What formats tell of an answer: its name, counts and times. */
#include "answer.h"

#include <string.h>

struct text answer_id(const struct answer *answer) {
    return (struct text){answer->id, strlen(answer->id)};
}

enum finish_reason answer_finish(const struct answer_part *part) {
    bool stopped = part->end == GENERATION_STOP || part->end == GENERATION_STOP_TEXT;
    return stopped ? FINISH_REASON_STOP : FINISH_REASON_LENGTH;
}

bool answer_is_last_event(const struct answer_part *part) {
    return part->over && part->answer->over == part->answer->part_count;
}

/* All parts added up; a prompt counts once, however many answers it has. `begun` is how many of
 * them have a token. */
static struct generation_figures sum(const struct answer *answer, size_t *begun) {
    struct generation_figures all = {0};
    *begun = 0;
    for (size_t i = 0; i < answer->part_count; i++) {
        const struct generation_figures *figures = &answer->parts[i].figures;
        if (i % answer->candidates == 0) {
            all.prompt_tokens += figures->prompt_tokens;
            all.cached_tokens += figures->cached_tokens;
            all.prompt_nanoseconds += figures->prompt_nanoseconds;
        }
        all.answer_tokens += figures->answer_tokens;
        all.drafted_tokens += figures->drafted_tokens;
        all.accepted_tokens += figures->accepted_tokens;
        all.answer_nanoseconds += figures->answer_nanoseconds;
        *begun += figures->answer_tokens > 0;
    }
    return all;
}

struct usage answer_usage(const struct answer *answer) {
    size_t begun;
    struct generation_figures figures = sum(answer, &begun);
    return (struct usage){
        .prompt_tokens = (int64_t)figures.prompt_tokens,
        .completion_tokens = (int64_t)figures.answer_tokens,
        .total_tokens = (int64_t)(figures.prompt_tokens + figures.answer_tokens),
        .prompt_tokens_details = {.cached_tokens = (int64_t)figures.cached_tokens}};
}

/* In milliseconds, to a thousandth. */
static double milliseconds(uint64_t nanoseconds) {
    uint64_t microseconds = nanoseconds / 1000;
    return (double)microseconds / 1000;
}

static double per(double amount, double divisor) { return divisor > 0 ? amount / divisor : 0; }

/* The first token of each answer comes out of the prompt's last step. */
static struct timings timings_of(const struct generation_figures *figures, size_t begun) {
    size_t computed = figures->prompt_tokens - figures->cached_tokens;
    double prompt = milliseconds(figures->prompt_nanoseconds);
    double predicted = milliseconds(figures->answer_nanoseconds);
    double more = (double)(figures->answer_tokens - begun);
    bool drafted = figures->drafted_tokens > 0;
    return (struct timings){.cache_n = (int64_t)figures->cached_tokens,
                            .prompt_n = (int64_t)computed,
                            .prompt_ms = prompt,
                            .prompt_per_token_ms = per(prompt, (double)computed),
                            .prompt_per_second = per((double)computed * 1000, prompt),
                            .predicted_n = (int64_t)figures->answer_tokens,
                            .predicted_ms = predicted,
                            .predicted_per_token_ms = per(predicted, more),
                            .predicted_per_second = per(more * 1000, predicted),
                            .has_draft_n = drafted,
                            .draft_n = (int64_t)figures->drafted_tokens,
                            .has_draft_n_accepted = drafted,
                            .draft_n_accepted = (int64_t)figures->accepted_tokens};
}

struct timings answer_timings(const struct answer *answer) {
    size_t begun;
    struct generation_figures figures = sum(answer, &begun);
    return timings_of(&figures, begun);
}

struct timings answer_part_timings(const struct answer_part *part) {
    return timings_of(&part->figures, part->figures.answer_tokens > 0);
}

struct prompt_progress answer_progress(const struct answer_part *part, size_t stored) {
    return (struct prompt_progress){.total = (int64_t)part->figures.prompt_tokens,
                                    .cache = (int64_t)part->figures.cached_tokens,
                                    .processed = (int64_t)stored,
                                    .time_ms =
                                        (int64_t)(part->figures.prompt_nanoseconds / 1000000)};
}

void answer_write_done(struct buffer *body) { buffer_append(body, "data: [DONE]\n\n", 14); }
