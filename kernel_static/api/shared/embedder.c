/* Texts to the engine and their vectors back, a window of them at a time. */
#include "embedder.h"

#include <string.h>

#include "appliance.h"
#include "engine.h"
#include "model.h"

struct run;

/* A text that is with the engine, or whose vector waits for its turn. */
struct slot {
    struct run *run;
    struct job *job;
    float *vector;
    bool came;
};

/* Lives in the exchange's arena. Text i has slot i % LIMIT_PARALLEL_JOBS. */
struct run {
    struct embedder wanted;
    struct http_exchange *exchange;
    struct long_answer answer;
    size_t submitted, told;
    struct slot slots[LIMIT_PARALLEL_JOBS];
};

static void cancel(struct run *run) {
    for (size_t i = 0; i < LIMIT_PARALLEL_JOBS; i++) {
        if (run->slots[i].job)
            engine_cancel(run->slots[i].job);
        run->slots[i].job = NULL;
    }
}

static void client_gone(void *context) {
    struct run *run = context;
    cancel(run);
    long_answer_release(&run->answer);
}

static void fail(struct run *run, unsigned status, const char *message) {
    cancel(run);
    http_on_gone(run->exchange, NULL, NULL);
    long_answer_fail(&run->answer, status, message);
}

static void vector_came(void *context, const float *vector);

static enum submit_error submit(struct run *run) {
    const struct embedder *wanted = &run->wanted;
    while (run->submitted < wanted->count && run->submitted - run->told < LIMIT_PARALLEL_JOBS) {
        const struct prompt_list *input = &wanted->inputs[run->submitted];
        struct slot *slot = &run->slots[run->submitted % LIMIT_PARALLEL_JOBS];
        struct pooling_request request = {.client = http_client(run->exchange),
                                          .tokens = input->tokens,
                                          .token_count = input->count,
                                          .done = vector_came,
                                          .context = slot,
                                          .continues = run->submitted > 0};
        enum submit_error error = engine_embed(&request, &slot->job);
        if (error)
            return error;
        slot->came = false;
        run->submitted++;
    }
    return SUBMIT_OK;
}

/* Tells the vectors whose turn it is, and goes on with more texts as far as the client reads. */
static void go_on(void *context) {
    struct run *run = context;
    struct slot *slot = &run->slots[run->told % LIMIT_PARALLEL_JOBS];
    while (run->told < run->submitted && slot->came && !long_answer_waits(&run->answer)) {
        run->wanted.write(long_answer_next(&run->answer), &run->wanted, run->told, slot->vector);
        slot->came = false;
        slot = &run->slots[++run->told % LIMIT_PARALLEL_JOBS];
        if (!long_answer_flush(&run->answer)) {
            cancel(run);
            return;
        }
    }
    if (run->told == run->wanted.count) {
        http_on_gone(run->exchange, NULL, NULL);
        long_answer_end(&run->answer);
    } else if (long_answer_waits(&run->answer)) {
        http_on_drained(run->exchange, go_on, run);
    } else if (submit(run) != SUBMIT_OK) { /* lengths were checked: only memory is short */
        fail(run, 503, "not enough memory for the request");
    }
}

static void vector_came(void *context, const float *vector) {
    struct slot *slot = context;
    slot->job = NULL;
    if (!vector) {
        fail(slot->run, 500, "the model failed, or the request waited too long for it");
        return;
    }
    memcpy(slot->vector, vector, served_model->width * sizeof(*vector));
    slot->came = true;
    go_on(slot->run);
}

void embedder_start(struct http_exchange *exchange, const struct embedder *wanted,
                    struct buffer *frame) {
    struct arena *arena = http_arena(exchange);
    size_t width = served_model->width;
    struct run *run = arena_allocate(arena, sizeof(*run));
    float *vectors = arena_allocate(arena, LIMIT_PARALLEL_JOBS * width * sizeof(*vectors));
    enum submit_error error = SUBMIT_NO_MEMORY;

    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->inputs[i].count > engine_context()) {
            buffer_release(frame);
            answer_refuse_length(exchange, wanted->inputs[i].count, wanted->field);
            return;
        }
    if (run && vectors) {
        *run = (struct run){.wanted = *wanted, .exchange = exchange};
        for (size_t i = 0; i < LIMIT_PARALLEL_JOBS; i++)
            run->slots[i] = (struct slot){.run = run, .vector = vectors + i * width};
        long_answer_start(&run->answer, exchange, frame);
        error = submit(run);
        if (error) {
            cancel(run);
            long_answer_release(&run->answer);
        }
    } else {
        buffer_release(frame);
    }
    if (error)
        answer_refuse(exchange, error, wanted->field);
    else
        http_on_gone(exchange, client_gone, run);
}
