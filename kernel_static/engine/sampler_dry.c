/* "Don't repeat yourself" (p-e-w, text-generation-webui pull request 5677; llama.cpp's form of it):
 * a token that would go on with a passage that stands twice already becomes the less likely, the
 * longer the passage is. */
#include <string.h>

#include "mathematics.h"
#include "sampler_rules.h"
#include "tokenizer.h"

#define LARGEST 1e30f        /* penalty: it leaves a logit finite */
#define LN_LARGEST 88.72283f /* of a float */

/* The text's last tokens, last one first. */
struct passage {
    const int32_t *last;
    size_t count;
};

static int32_t at(const struct passage *passage, size_t back) {
    return passage->last[-(ptrdiff_t)back];
}

/* How many tokens after the one `back` from the end belong to the breaker that begins in it; -1 if
 * none does. */
static ptrdiff_t breaker_tail(const struct passage *passage, size_t back, struct text breaker) {
    struct text head = tokenizer_token(at(passage, back));
    ptrdiff_t longest = -1;
    for (size_t start = 0; start < head.count; start++) {
        size_t known = head.count - start < breaker.count ? head.count - start : breaker.count;
        size_t next = back;
        if (memcmp(head.bytes + start, breaker.bytes, known) != 0)
            continue;
        if (known == breaker.count)
            return 0;
        while (known < breaker.count && next) {
            struct text more = tokenizer_token(at(passage, --next));
            size_t count = breaker.count - known < more.count ? breaker.count - known : more.count;
            if (memcmp(more.bytes, breaker.bytes + known, count) != 0)
                break;
            known += count;
        }
        if (known == breaker.count && (ptrdiff_t)(back - next) > longest)
            longest = (ptrdiff_t)(back - next);
    }
    return longest;
}

/* How many tokens lie behind the last breaker. */
static size_t unbroken(const struct sampling *rules, const struct passage *passage) {
    for (size_t back = 0; back < passage->count; back++) {
        ptrdiff_t longest = -1;
        for (size_t i = 0; i < rules->dry_breaker_count; i++) {
            ptrdiff_t tail = breaker_tail(passage, back, rules->dry_breakers[i]);
            longest = tail > longest ? tail : longest;
        }
        if (longest >= 0)
            return back - (size_t)longest;
    }
    return passage->count;
}

static bool has_breaker(const struct sampling *rules, int32_t token) {
    const struct passage alone = {&token, 1};
    for (size_t i = 0; i < rules->dry_breaker_count; i++)
        if (breaker_tail(&alone, 0, rules->dry_breakers[i]) >= 0)
            return true;
    return false;
}

/* lengths[back] becomes how many tokens that end `back` before the end are the same as the last
 * ones, by the Z algorithm (Gusfield, "Algorithms on Strings, Trees and Sequences", 1.3-1.4). */
static void measure(const struct passage *passage, uint32_t *lengths) {
    size_t left = 0, right = 0; /* the box that reaches farthest: [left, right) equals the end */
    for (size_t back = 1; back < passage->count; back++) {
        size_t length = 0;
        if (back < right) {
            length = lengths[back - left];
            length = length < right - back ? length : right - back;
        }
        while (back + length < passage->count && at(passage, length) == at(passage, back + length))
            length++;
        lengths[back] = (uint32_t)length;
        if (back + length > right) {
            left = back;
            right = back + length;
        }
    }
}

/* A mark is one more than the longest passage that the token would go on with. */
static float penalise(const struct sampling *rules, float value, uint32_t mark) {
    float most = rules->dry_base > 1.000001f ? LN_LARGEST / math_log(rules->dry_base) : 0;
    float exponent = (float)(mark - 1 - rules->dry_allowed_length);
    if (most > 0 && exponent > most)
        exponent = (float)(int)most;
    float penalty = rules->dry_multiplier * math_pow(rules->dry_base, exponent);
    return value - (penalty < LARGEST ? penalty : LARGEST);
}

void rule_dry(const struct sampler *sampler, const struct sampler_row *row, uint32_t *lengths,
              struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    size_t all = row->token_count, count = rules->dry_last_n < all ? rules->dry_last_n : all;
    const int32_t *tokens = row->tokens + (all - count);
    const struct passage passage = {row->tokens + all - 1, count};
    size_t allowed = rules->dry_allowed_length;
    size_t limit = count > allowed ? unbroken(rules, &passage) : 0;

    if (count <= allowed || limit < allowed)
        return;
    measure(&passage, lengths);
    marks_clear(candidates, tokens, count);
    for (size_t back = 1; back < count; back++) {
        size_t length = lengths[back] < limit ? lengths[back] : limit;
        uint32_t *mark = &candidates->marks[at(&passage, back - 1)];
        if (length >= allowed && length + 1 > *mark && !has_breaker(rules, at(&passage, back - 1)))
            *mark = (uint32_t)length + 1;
    }
    marks_apply(candidates, tokens, count, penalise, rules);
}
