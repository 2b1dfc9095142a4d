/* The queue and the step loop. One job runs at a time; it is always the queue's head. */
#include "engine.h"

#include <string.h>

#include "appliance.h"
#include "forward.h"
#include "heap.h"
#include "job.h"
#include "log.h"
#include "mathematics.h"
#include "model.h"
#include "model_image.h"
#include "pace.h"
#include "platform.h"
#include "tokenizer.h"

static enum engine_state state;
static struct job *queue; /* head runs */
static size_t queued;
static struct forward_row *rows;
static size_t step_rows; /* rows of the step under way; 0: none */
static size_t step_stages;
static uint64_t step_nanoseconds; /* that the stages took */
static void *scratch;             /* the sampler's */

enum engine_state engine_state(void) { return state; }

size_t engine_context(void) {
    size_t held = kv_cache_blocks() * served_model->block_tokens;
    return held < served_model->context ? held : served_model->context;
}

static bool start(void) {
    struct memory_span image;
    if (!platform_model_image(&image)) {
        log_error("engine", "no model image: give the loader model.pack as its first module");
        return false;
    }
    if (!model_image_open(image) || !tokenizer_start() || !forward_start())
        return false;
    rows = memory_reserve(served_model->step_rows * sizeof *rows);
    scratch = memory_reserve(sampler_scratch(served_model->vocabulary));
    if (!rows || !scratch || !kv_cache_start(memory_available())) {
        log_error("engine", "%zu bytes of memory are not enough for one KV cache block of %zu",
                  memory_available(), served_model->block_bytes);
        return false;
    }
    log_info("engine", "%s: kernels %s, context %zu tokens, KV cache %zu MiB", served_model->name,
             forward_instruction_set(), engine_context(),
             kv_cache_blocks() * served_model->block_bytes >> 20);
    return true;
}

void engine_start(void) { state = start() ? ENGINE_LOADING : ENGINE_FAILED; }

static enum submit_error admit(size_t tokens, bool continues) {
    if (state != ENGINE_READY)
        return SUBMIT_LOADING;
    if (!continues && queued >= LIMIT_PENDING_REQUESTS)
        return SUBMIT_QUEUE_FULL;
    return tokens > engine_context() ? SUBMIT_TOO_LONG : SUBMIT_OK;
}

static enum submit_error enqueue(struct job *created, struct job **job) {
    if (!created)
        return SUBMIT_NO_MEMORY;
    struct job **end = &queue;
    while (*end)
        end = &(*end)->next;
    *end = *job = created;
    queued++;
    return SUBMIT_OK;
}

enum submit_error engine_submit(const struct generation_request *request, struct job **job) {
    enum submit_error error =
        admit(request->prompt_tokens + 1, request->continues); /* room for one answer token */
    if (error)
        return error;
    size_t room = engine_context() - request->prompt_tokens;
    size_t answer = request->max_tokens < room ? request->max_tokens : room;
    return enqueue(job_new_generation(request, request->prompt_tokens + answer), job);
}

enum submit_error engine_embed(const struct pooling_request *request, struct job **job) {
    enum submit_error error = admit(request->token_count, request->continues);
    return error ? error : enqueue(job_new_embedding(request), job);
}

static void remove_job(struct job *job) {
    struct job **link = &queue;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    queued--;
    job_release(job);
    struct kv_cache_idle idle = kv_cache_idle();
    log_debug("engine", "KV cache: %zu of %zu blocks idle, %zu of them kept", idle.blocks,
              kv_cache_blocks(), idle.kept);
}

void engine_cancel(struct job *job) {
    if (job == queue)
        job->cancelled = true; /* a step or a callback may be using it: engine_poll releases it */
    else
        remove_job(job);
}

static void show_text(struct job *job) {
    if (job->ready.count && !job->cancelled)
        job->events->text(job->context, job->ready.bytes, job->ready.count);
    buffer_clear(&job->ready);
}

static void log_figures(const struct generation_figures *figures) {
    unsigned prompt = (unsigned)(figures->prompt_nanoseconds / 100000),
             answer = (unsigned)(figures->answer_nanoseconds / 100000);
    log_info("engine", "prompt %zu tokens (%zu cached) in %u.%u ms, answer %zu tokens in %u.%u ms",
             figures->prompt_tokens, figures->cached_tokens, prompt / 10, prompt % 10,
             figures->answer_tokens, answer / 10, answer % 10);
}

static void end_generation(struct job *job, enum generation_end end) {
    struct generation_figures figures = {
        .prompt_tokens = job->prompt_tokens,
        .cached_tokens = job->cached_tokens,
        .answer_tokens = job->token_count - job->prompt_tokens,
        .prompt_nanoseconds = job->prefilled - job->started,
        .answer_nanoseconds = clock_nanoseconds() - job->prefilled,
    };

    if (end == GENERATION_STOP || end == GENERATION_LENGTH)
        text_stream_flush(&job->stream, &job->ready);
    if (job->stream.failed)
        end = GENERATION_NO_MEMORY;
    show_text(job);
    log_figures(&figures);
    if (!job->cancelled)
        job->events->ended(job->context, end, &figures);
    remove_job(job);
}

static void fail_job(struct job *job) {
    if (job->embeds) {
        job->done(job->context, NULL);
        remove_job(job);
    } else {
        job->cache_prompt = false; /* what it left in the cache may be what is wrong */
        if (!job->prefilled)
            job->prefilled = job->started;
        end_generation(job, GENERATION_FAILED);
    }
}

static void begin_job(struct job *job) {
    job->begun = true;
    job->started = clock_nanoseconds();
    if (job->cache_prompt)
        job->stored = job->cached_tokens =
            block_table_take_kept(&job->table, job->tokens, job->prompt_tokens);
}

/* Puts the job's tokens that are not yet stored, as many as should, into a step. */
static void begin_step(struct job *job) {
    if (!job->begun)
        begin_job(job);
    size_t pending = job->token_count - job->stored, most = pace_rows();
    size_t count = pending < most ? pending : most;
    if (!block_table_cover(&job->table, job->stored + count)) {
        fail_job(job);
        return;
    }
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct forward_row){.token = job->tokens[job->stored + i],
                                       .position = (uint32_t)(job->stored + i),
                                       .blocks = job->table.blocks,
                                       .logits = !job->embeds && i + 1 == pending,
                                       .hidden = job->embeds};
    forward_begin(rows, count);
    step_rows = count;
    step_stages = step_nanoseconds = 0;
}

static void finish_embedding(struct job *job) {
    float square = 0;
    for (size_t i = 0; i < served_model->width; i++)
        square += job->sum[i] * job->sum[i];
    float scale = square > 0 ? 1 / math_sqrt(square) : 0;
    for (size_t i = 0; i < served_model->width; i++)
        job->sum[i] *= scale;
    job->done(job->context, job->sum);
    remove_job(job);
}

static void next_token(struct job *job, const float *logits) {
    int32_t token =
        sampler_draw(&job->sampling, &job->random, logits, served_model->vocabulary, scratch);

    if (token < 0) {
        fail_job(job);
        return;
    }
    if (job->token_count == job->prompt_tokens)
        job->prefilled = clock_nanoseconds();
    job->tokens[job->token_count++] = token;
    if (tokenizer_is_end(token)) {
        end_generation(job, GENERATION_STOP);
        return;
    }
    /* Other special tokens are for the model's eyes only. */
    struct text shown = tokenizer_is_special(token) ? (struct text){"", 0} : tokenizer_token(token);
    bool more = text_stream_push(&job->stream, shown, &job->ready);
    if (!more || job->stream.failed)
        end_generation(job, GENERATION_STOP);
    else if (job->token_count == job->token_limit)
        end_generation(job, GENERATION_LENGTH);
    else
        show_text(job);
}

static void finish_step(struct job *job) {
    size_t count = step_rows;
    step_rows = 0;
    job->stored += count;
    pace_learn(count, step_stages, step_nanoseconds);
    if (job->cancelled)
        return;
    if (job->embeds)
        for (size_t row = 0; row < count; row++)
            for (size_t i = 0; i < served_model->width; i++)
                job->sum[i] += forward_hidden(row)[i];
    if (job->stored < job->token_count)
        return;
    if (job->embeds)
        finish_embedding(job);
    else
        next_token(job, forward_logits(count - 1));
}

static bool poll_loading(void) {
    bool intact = true;
    if (model_image_verify(&intact)) {
        state = ENGINE_READY;
        log_info("engine", "model image verified, ready");
    }
    if (!intact)
        state = ENGINE_FAILED;
    return true;
}

/* The last stage, whose work does not grow with the rows, is not timed. */
static bool advance(void) {
    uint64_t begun = clock_nanoseconds();
    if (forward_advance())
        return true;
    step_nanoseconds += clock_nanoseconds() - begun;
    step_stages++;
    return false;
}

bool engine_poll(void) {
    if (state == ENGINE_LOADING)
        return poll_loading();
    if (!queue)
        return false;
    if (!step_rows && queue->cancelled)
        remove_job(queue);
    else if (!step_rows)
        begin_step(queue);
    else if (advance())
        finish_step(queue);
    return true;
}
