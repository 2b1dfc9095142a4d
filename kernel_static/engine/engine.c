/* The step loop: plan a step, run its stages, hand its rows to their jobs, one slice a call. */
#include "engine.h"

#include "appliance.h"
#include "coroutine.h"
#include "exposition.h"
#include "forward.h"
#include "generation.h"
#include "heap.h"
#include "log.h"
#include "metrics.h"
#include "model.h"
#include "model_image.h"
#include "pace.h"
#include "platform.h"
#include "scheduler.h"
#include "tokenizer.h"

#define SECOND UINT64_C(1000000000)
#define CHECK_NANOSECONDS (SECOND / 10) /* between looks at who waits */
#define RETRY_SECONDS_MOST 60

static enum engine_state state;
static struct forward_row *rows;
static void *scratch; /* the sampler's */

static struct {
    struct share shares[LIMIT_SEQUENCES];
    size_t count; /* of shares; 0: no step is under way */
    size_t rows, stages;
    uint64_t nanoseconds; /* that the stages took */
    bool computed;        /* the rows are, and are being handed out: */
    size_t next, row;     /* the next share, and its first row */
} step;

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
    scratch = memory_reserve(sampler_scratch(served_model->vocabulary, served_model->context));
    if (!rows || !scratch || !kv_cache_start(memory_available())) {
        log_error("engine", "%zu bytes of memory are not enough for one KV cache block of %zu",
                  memory_available(), served_model->block_bytes);
        return false;
    }
    log_info("engine", "%s: kernels %s, context %zu tokens, KV cache %zu MiB, %zu sequences",
             served_model->name, forward_instruction_set(), engine_context(),
             kv_cache_blocks() * served_model->block_bytes >> 20, scheduler_places());
    return true;
}

static void collect_jobs(void) {
    struct scheduler_counts counts = scheduler_counts();
    metric_set(METRIC_REQUESTS_RUNNING, counts.running);
    metric_set(METRIC_REQUESTS_WAITING, counts.waiting);
    metric_set(METRIC_PREEMPTIONS, counts.preemptions);
}

static void collect_blocks(void) {
    struct kv_cache_idle idle = kv_cache_idle();
    metric_set(METRIC_KV_BLOCKS, kv_cache_blocks());
    metric_set(METRIC_KV_BLOCKS_REFERRED, kv_cache_blocks() - idle.blocks);
    metric_set(METRIC_KV_BLOCKS_KEPT, idle.kept);
    metric_set(METRIC_KV_BLOCKS_FREE, idle.blocks - idle.kept);
    metric_set(METRIC_KV_BLOCK_TOKENS, served_model->block_tokens);
}

void engine_start(bool guesses) {
    draft_allow(guesses);
    state = start() ? ENGINE_LOADING : ENGINE_FAILED;
    exposition_provide(METRICS_ENGINE, collect_jobs);
    exposition_provide(METRICS_KV_CACHE, collect_blocks);
}

bool engine_guesses(void) { return draft_allowed(); }

/* ---- coming and going ---- */

/* No client may have more waiting than there is room left: so there is room for others. */
static enum submit_error admit(size_t tokens, uint64_t client, bool continues) {
    if (state != ENGINE_READY)
        return SUBMIT_LOADING;
    if (tokens > engine_context())
        return SUBMIT_TOO_LONG;
    size_t waiting = scheduler_counts().waiting;
    bool full = waiting >= LIMIT_PENDING_REQUESTS;
    if (continues || (!full && clients_waiting(client) < LIMIT_PENDING_REQUESTS - waiting))
        return SUBMIT_OK;
    metric_count(METRIC_LIMIT_REFUSALS_PENDING_REQUESTS);
    return full ? SUBMIT_QUEUE_FULL : SUBMIT_SHARE_FULL;
}

static enum submit_error enqueue(struct job *created, struct job **job) {
    if (!created)
        return SUBMIT_NO_MEMORY;
    coroutine_stay(); /* callbacks must find that who submits is done */
    scheduler_add(created);
    *job = created;
    return SUBMIT_OK;
}

enum submit_error engine_submit(const struct generation_request *request, struct job **job) {
    enum submit_error error = /* room for one answer token */
        admit(request->prompt_tokens + 1, request->client, request->continues);
    if (error)
        return error;
    size_t room = engine_context() - request->prompt_tokens;
    size_t answer = request->max_tokens < room ? request->max_tokens : room;
    return enqueue(job_new_generation(request, request->prompt_tokens + answer), job);
}

enum submit_error engine_embed(const struct pooling_request *request, struct job **job) {
    enum submit_error error = admit(request->token_count, request->client, request->continues);
    return error ? error : enqueue(job_new_embedding(request), job);
}

static void remove_job(struct job *job) {
    scheduler_remove(job);
    job_release(job);
}

void engine_cancel(struct job *job) {
    job->cancelled = true;
    metric_count(METRIC_REQUESTS_ENDED_ABORT);
    if (!job->in_step) /* else end_step releases it */
        remove_job(job);
}

unsigned engine_retry_seconds(void) {
    uint64_t row = pace_cost(PACE_ROWS_LEAST) / PACE_ROWS_LEAST;
    uint64_t seconds = 1 + scheduler_counts().waiting_tokens * row / SECOND;
    return seconds < RETRY_SECONDS_MOST ? (unsigned)seconds : RETRY_SECONDS_MOST;
}

struct engine_slot engine_slot(size_t index) {
    const struct job *job = scheduler_place(index);
    if (!job)
        return (struct engine_slot){.busy = false};
    return (struct engine_slot){.busy = true,
                                .job = job->number,
                                .embeds = job->embeds,
                                .prompt_tokens = job->prompt_tokens,
                                .stored = job->stored,
                                .answer_tokens = job->token_count - job->prompt_tokens,
                                .token_limit = job->token_limit,
                                .sampling = job->sampler.rules};
}

/* Tells one of those who wait that it waits, or that it does so in vain. Callbacks may cancel any
 * job, so the list is not walked further. */
static bool tell_one_waiting(uint64_t now) {
    for (struct job *job = scheduler_jobs(); job; job = job->next) {
        if (!job->started && now - job->submitted >= LIMIT_QUEUE_SECONDS * SECOND) {
            metric_count(METRIC_LIMIT_REFUSALS_QUEUE_SECONDS);
            job_fail(job, GENERATION_EXPIRED);
            remove_job(job);
            return true;
        }
        if (!job->embeds && !job->ended && job->events->waits &&
            now - job->told >= LIMIT_HEARTBEAT_SECONDS * SECOND) {
            job->told = now;
            job->events->waits(job->context);
            return true;
        }
    }
    return false;
}

static bool check_times(void) {
    static uint64_t next_check;
    uint64_t now = clock_nanoseconds();
    if (now < next_check)
        return false;
    bool told = tell_one_waiting(now);
    if (!told)
        next_check = now + CHECK_NANOSECONDS;
    return told;
}

/* ---- a step ---- */

static void put_rows(const struct share *share) {
    struct job *job = share->job;
    size_t pending = job_pending(job);
    for (size_t i = 0; i < share->count; i++)
        rows[step.rows++] = (struct forward_row){.token = job->tokens[job->stored + i],
                                                 .position = (uint32_t)(job->stored + i),
                                                 .blocks = job->table.blocks,
                                                 .logits = !job->embeds && i + 1 >= pending,
                                                 .hidden = job->embeds};
    job->in_step = true;
    job->figures.drafted_tokens += share->guesses;
    if (!job->started) {
        job->started = clock_nanoseconds();
        job->figures.cached_tokens = job->stored;
        metric_observe(HISTOGRAM_QUEUE_TIME, job->started - job->submitted);
        if (job->cache_prompt) {
            metric_add(METRIC_PREFIX_QUERIES, job->prompt_tokens);
            metric_add(METRIC_PREFIX_HITS, job->stored);
        }
    }
}

static bool begin_step(void) {
    step.rows = step.stages = step.nanoseconds = 0;
    step.computed = false;
    step.next = step.row = 0;
    step.count = scheduler_plan(step.shares);
    for (size_t i = 0; i < step.count; i++)
        put_rows(&step.shares[i]);
    if (!step.count)
        return false;
    metric_count(METRIC_STEPS);
    metric_add(METRIC_STEP_ROWS, step.rows);
    metric_add(METRIC_STEP_SEQUENCES, step.count);
    forward_begin(rows, step.rows);
    return true;
}

/* Draws from row after row as long as the tokens are those that were guessed. A draw does not know
 * of guesses: with them and without, the answer is the same. */
static void draw(struct job *job, const struct share *share, size_t row) {
    size_t right = 0, first = job->token_count;
    int32_t unasked; /* a guess that was not worth a row, but teaches what guesses would be worth */
    bool watches = !share->guesses && draft_guess(job->tokens, first, &unasked, 1);
    for (bool more = true; more;) {
        bool guessed = right < share->guesses;
        int32_t guess = guessed ? job->tokens[job->token_count] : 0;
        struct sampler_row logits = {.logits = forward_logits(row + right),
                                     .count = served_model->vocabulary,
                                     .tokens = job->tokens,
                                     .token_count = job->token_count,
                                     .forbid_end = generation_must_go_on(job)};
        struct drawn_token drawn;
        int32_t token = sampler_draw(&job->sampler, &logits, scratch, &drawn);
        if (token < 0) {
            job_fail(job, GENERATION_FAILED);
            return;
        }
        generation_take(job, &drawn);
        more = guessed && token == guess && !job->ended && !job->cancelled;
        right += more;
        job->stored += more;
        job->figures.accepted_tokens += more;
    }
    if (watches)
        drafting_learn(&job->drafting, 1, job->tokens[first] == unasked);
    drafting_learn(&job->drafting, share->guesses, right);
    metric_add(METRIC_DRAFTS, share->guesses != 0);
    metric_add(METRIC_DRAFT_TOKENS, share->guesses);
    metric_add(METRIC_DRAFT_TOKENS_ACCEPTED, right);
    if (!job->ended)
        generation_show(job);
}

/* Blocks that are full now are there for others too, once a token was drawn behind them: then the
 * model was sound. */
static void share_blocks(struct job *job) {
    size_t block = served_model->block_tokens;
    if (!job->cache_prompt || job->stored / block == job->kept / block)
        return;
    block_table_keep(&job->table, job->tokens, job->stored);
    job->kept = job->stored;
}

/* Gives a job what its rows came to. */
static void hand_out(const struct share *share, size_t row) {
    struct job *job = share->job;
    job->stored += share->count - share->guesses;
    if (job->cancelled)
        return;
    if (job->embeds) {
        for (size_t i = 0; i < share->count; i++)
            pooling_add(job, forward_hidden(row + i));
        if (!job_pending(job))
            pooling_end(job);
        return;
    }
    if (!job_pending(job)) {
        draw(job, share, row + share->count - share->guesses - 1);
        if (!job->ended && !job->cancelled)
            share_blocks(job);
    } else if (job->events->progress) {
        job->events->progress(job->context, &job->figures, job->stored);
    }
}

static void end_step(void) {
    for (size_t i = 0; i < step.count; i++) {
        struct job *job = step.shares[i].job;
        job->in_step = false;
        if (job->cancelled || job->ended)
            remove_job(job);
    }
    step.count = 0;
}

/* Nobody wants what the step computes any more. */
static bool is_in_vain(void) {
    for (size_t i = 0; i < step.count; i++)
        if (!step.shares[i].job->cancelled)
            return false;
    return true;
}

static void go_on(void) {
    if (step.computed) {
        const struct share *share = &step.shares[step.next++];
        hand_out(share, step.row);
        step.row += share->count;
        if (step.next == step.count)
            end_step();
    } else if (is_in_vain()) {
        end_step();
    } else {
        uint64_t begun = clock_nanoseconds();
        step.computed = forward_advance();
        step.nanoseconds += clock_nanoseconds() - begun;
        step.stages++;
        if (step.computed)
            pace_learn(step.rows, step.stages, step.nanoseconds);
    }
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

bool engine_poll(void) {
    if (state == ENGINE_LOADING)
        return poll_loading();
    if (check_times())
        return true;
    if (!step.count)
        return begin_step();
    go_on();
    return true;
}
