/* Counts as a test says, and writes the page. */
#include "exposition.h"

static void collect(void) { metric_set(METRIC_UPTIME, UINT64_C(1500000000)); }

void test_provide(void) {
    exposition_provide(METRICS_ENGINE, 0);
    exposition_provide(METRICS_KV_CACHE, 0);
    exposition_provide(METRICS_PROCESS, collect);
}

void test_observe(unsigned which, uint64_t nanoseconds) {
    metric_observe((enum metric_histogram)which, nanoseconds);
}

unsigned test_time_to_first_token(void) { return HISTOGRAM_TIME_TO_FIRST_TOKEN; }

void test_count(void) {
    metric_texts[METRIC_TEXT_IMAGE_IDENTITY] = "0123abcd";
    metric_add(METRIC_PROMPT_TOKENS_COMPUTED, 300);
    metric_add(METRIC_PROMPT_TIME, UINT64_C(1500000000));
    metric_count(METRIC_REQUESTS_ENDED_LENGTH);
    metric_count(METRIC_REQUESTS_RUNNING);
    metric_count(METRIC_REQUESTS_RUNNING);
    metric_uncount(METRIC_REQUESTS_RUNNING);
    metric_set(METRIC_KV_BLOCKS, 8);
    metric_set(METRIC_KV_BLOCKS_REFERRED, 2);
    metric_set(METRIC_KV_BLOCK_TOKENS, 32);
}

/* The page's length; its text stands at *to until the next call. */
size_t test_page(const char **to) {
    static struct buffer page;
    buffer_release(&page);
    buffer_start(&page, 1 << 20);
    exposition_write(&page);
    *to = page.bytes;
    return page.failed ? 0 : page.count;
}
