/* What the sampler asks of a tokenizer, as tests set it: the texts of 26 tokens and more, and which
 * tokens end an answer; and the clock that workers wait by. */
#include <time.h>

#include "platform.h"
#include "tokenizer.h"

const char *test_words[4096];
size_t test_word_sizes[4096];
int32_t test_ends[8];
size_t test_end_count;

struct text tokenizer_token(int32_t token) {
    return (struct text){test_words[token], test_word_sizes[token]};
}

const int32_t *tokenizer_ends(size_t *count) {
    *count = test_end_count;
    return test_ends;
}

uint64_t clock_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
