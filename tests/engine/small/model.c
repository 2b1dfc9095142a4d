/* A model for tests of the engine: what it predicts depends on every token before, and it reads
 * those only out of the KV cache, where a position holds a digest of all tokens up to it. A block
 * that is shared, kept or given away wrongly therefore changes answers. The clock moves only as
 * tests tell it to. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "forward.h"
#include "heap.h"
#include "model.h"
#include "model_image.h"
#include "platform.h"
#include "tokenizer.h"

#define STAGES 5
#define WIDTH 4
#define VOCABULARY 26
#define ROWS 32

static const struct language_model small = {
    .name = "small",
    .width = WIDTH,
    .vocabulary = VOCABULARY,
    .context = 96,
    .step_rows = ROWS,
    .step_logits = 8,
    .block_tokens = 4,
    .block_bytes = 4096,
};
const struct language_model *const served_model = &small;

/* For the tests to set and read. */
uint64_t test_stage_nanoseconds, test_row_nanoseconds; /* that a stage costs, that each row adds */
bool test_broken;                                      /* logits are not numbers */
bool test_forgetful; /* what follows depends on the last token alone: answers repeat themselves */
bool test_real_clock;
size_t test_steps, test_rows, test_longest_step; /* that were run */
size_t test_most_jobs;                           /* of one step */

void test_start_memory(size_t size, size_t heap) {
    void *memory = aligned_alloc(4096, size);
    memset(memory, 0xa5, size);
    memory_start((struct memory_span){memory, size}, heap);
}

static uint64_t now = 1;
static uint64_t *cache;
static size_t cache_blocks;
static struct forward_row rows[ROWS];
static size_t row_count, stage;
static float logits[ROWS][VOCABULARY], hidden[ROWS][WIDTH];

bool forward_start(void) { return true; }

void forward_set_cache(void *memory, size_t blocks) {
    cache = memory;
    cache_blocks = blocks;
}

static uint64_t *at(const struct forward_row *row, uint32_t position) {
    uint32_t block = row->blocks[position / small.block_tokens];
    if (block >= cache_blocks)
        __builtin_trap();
    return &cache[block * (small.block_bytes / sizeof *cache) + position % small.block_tokens];
}

uint64_t test_mix(uint64_t digest, int32_t token) {
    digest = (digest ^ (uint64_t)(token + 1)) * UINT64_C(0x9E3779B97F4A7C15);
    return digest ^ digest >> 29;
}

/* The token that follows. */
int32_t test_next(uint64_t digest) { return (int32_t)(digest >> 40) % VOCABULARY; }

static void run_row(size_t r) {
    const struct forward_row *row = &rows[r];
    uint64_t digest =
        test_mix(row->position && !test_forgetful ? *at(row, row->position - 1) : 0, row->token);
    *at(row, row->position) = digest;
    for (int32_t i = 0; i < VOCABULARY; i++)
        logits[r][i] = test_broken ? __builtin_nanf("") : i == test_next(digest) ? 2 : 0;
    for (size_t i = 0; i < WIDTH; i++)
        hidden[r][i] = (float)(digest >> 16 * i & 0xff);
}

/* Rows of one sequence follow each other, no two rows write the same place, and what wants logits
 * is bounded. */
static void check_rows(void) {
    size_t jobs = 0, wanted = 0;
    for (size_t r = 0; r < row_count; r++) {
        bool goes_on = r && rows[r].blocks == rows[r - 1].blocks;
        if (goes_on && rows[r].position != rows[r - 1].position + 1)
            __builtin_trap();
        jobs += !goes_on;
        wanted += rows[r].logits;
        for (size_t other = 0; other < r; other++)
            if (at(&rows[other], rows[other].position) == at(&rows[r], rows[r].position))
                __builtin_trap();
    }
    if (wanted > small.step_logits)
        __builtin_trap();
    test_most_jobs = jobs > test_most_jobs ? jobs : test_most_jobs;
}

void forward_begin(const struct forward_row *given, size_t count) {
    if (count == 0 || count > ROWS)
        __builtin_trap();
    memcpy(rows, given, count * sizeof *rows);
    row_count = count;
    check_rows();
    stage = 0;
    test_steps++;
    test_rows += count;
    test_longest_step = count > test_longest_step ? count : test_longest_step;
}

bool forward_advance(void) {
    now += test_stage_nanoseconds + row_count * test_row_nanoseconds;
    if (++stage < STAGES)
        return false;
    for (size_t r = 0; r < row_count; r++)
        run_row(r);
    return true;
}

const float *forward_logits(size_t row) {
    if (!rows[row].logits)
        __builtin_trap();
    return logits[row];
}

const float *forward_hidden(size_t row) {
    if (!rows[row].hidden)
        __builtin_trap();
    return hidden[row];
}

const char *forward_instruction_set(void) { return "none"; }

bool model_image_open(struct memory_span image) { return image.size > 0; }
bool model_image_verify(bool *intact) { return *intact; }

bool platform_model_image(struct memory_span *image) {
    *image = (struct memory_span){rows, sizeof rows};
    return true;
}
uint64_t clock_nanoseconds(void) {
    struct timespec time;
    if (!test_real_clock)
        return now;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

bool tokenizer_start(void) { return true; }
bool tokenizer_is_special(int32_t token) {
    (void)token;
    return false;
}
bool tokenizer_is_end(int32_t token) { return token == 0; }
const int32_t *tokenizer_ends(size_t *count) {
    static const int32_t ends[] = {0};
    *count = 1;
    return ends;
}
struct text tokenizer_token(int32_t token) {
    return (struct text){&"abcdefghijklmnopqrstuvwxyz"[token], 1};
}
