/* What clients are told of jobs. */
#include "generation.h"

#include "log.h"
#include "mathematics.h"
#include "metrics.h"
#include "model.h"
#include "platform.h"
#include "tokenizer.h"

/* The figures with times up to now. */
static struct generation_figures figures_of(const struct job *job) {
    struct generation_figures figures = job->figures;
    uint64_t now = clock_nanoseconds();
    uint64_t started = job->started ? job->started : now;
    uint64_t prefilled = job->prefilled ? job->prefilled : now;
    figures.answer_tokens = job->token_count - job->prompt_tokens;
    figures.queue_nanoseconds = started - job->submitted;
    figures.prompt_nanoseconds = prefilled - started;
    figures.answer_nanoseconds = now - prefilled;
    return figures;
}

static void log_figures(const struct generation_figures *figures) {
    unsigned prompt = (unsigned)(figures->prompt_nanoseconds / 100000),
             answer = (unsigned)(figures->answer_nanoseconds / 100000);
    log_info("engine", "prompt %zu tokens (%zu cached) in %u.%u ms, answer %zu tokens in %u.%u ms",
             figures->prompt_tokens, figures->cached_tokens, prompt / 10, prompt % 10,
             figures->answer_tokens, answer / 10, answer % 10);
}

/* Text that is ready, and the token behind it if there is one to be told. */
static void tell(struct job *job, const struct drawn_token *token) {
    if ((job->ready.count || token) && !job->cancelled) {
        struct generation_figures figures = figures_of(job);
        struct generation_piece piece = {
            .text = {job->ready.bytes, job->ready.count}, .token = token, .figures = &figures};
        job->told = clock_nanoseconds();
        job->events->piece(job->context, &piece);
    }
    buffer_clear(&job->ready);
}

void generation_show(struct job *job) { tell(job, NULL); }

static void count_end(const struct job *job, enum generation_end end) {
    bool stops = end == GENERATION_STOP || end == GENERATION_STOP_TEXT;
    if (end > GENERATION_TIME)
        metric_count(METRIC_REQUESTS_ENDED_ERROR);
    else
        metric_count(stops ? METRIC_REQUESTS_ENDED_STOP : METRIC_REQUESTS_ENDED_LENGTH);
    if (job->token_count > metric_values[METRIC_SEQUENCE_TOKENS_MOST])
        metric_set(METRIC_SEQUENCE_TOKENS_MOST, job->token_count);
    metric_observe(HISTOGRAM_REQUEST_TIME, clock_nanoseconds() - job->submitted);
}

void generation_end(struct job *job, enum generation_end end) {
    if (end <= GENERATION_TIME)
        text_stream_flush(&job->stream, &job->ready);
    if (job->stream.failed)
        end = GENERATION_NO_MEMORY;
    tell(job, NULL);
    job->ended = true;
    struct generation_result result = {
        .end = end, .stop = job->stream.stop, .figures = figures_of(job)};
    log_figures(&result.figures);
    if (job->cancelled)
        return;
    count_end(job, end);
    job->events->ended(job->context, &result);
}

void job_fail(struct job *job, enum generation_end why) {
    job->cache_prompt = false; /* what it computed may be no good */
    if (!job->embeds) {
        generation_end(job, why);
        return;
    }
    job->ended = true;
    if (!job->cancelled)
        job->done(job->context, NULL);
}

/* Its time is over once it has begun a line and has taken so long. */
static bool is_late(const struct job *job) {
    return job->answer_nanoseconds && job->line_begun &&
           clock_nanoseconds() - job->prefilled >= job->answer_nanoseconds;
}

static bool has_newline(struct text text) {
    for (size_t i = 0; i < text.count; i++)
        if (text.bytes[i] == '\n')
            return true;
    return false;
}

/* The first token ends the prompt's time, each other one goes on from the last. */
static void count_token(struct job *job) {
    uint64_t now = clock_nanoseconds();
    metric_count(METRIC_ANSWER_TOKENS);
    if (job->prefilled) {
        metric_add(METRIC_ANSWER_TIME, now - job->drawn);
        metric_observe(HISTOGRAM_TIME_BETWEEN_TOKENS, now - job->drawn);
    } else {
        size_t cached = job->figures.cached_tokens;
        job->prefilled = now;
        metric_add(METRIC_PROMPT_TOKENS, job->prompt_tokens);
        metric_add(METRIC_PROMPT_TOKENS_CACHED, cached);
        metric_add(METRIC_PROMPT_TOKENS_COMPUTED, job->prompt_tokens - cached);
        metric_add(METRIC_PROMPT_TIME, now - job->started);
        metric_observe(HISTOGRAM_TIME_TO_FIRST_TOKEN, now - job->submitted);
    }
    job->drawn = now;
}

bool generation_must_go_on(const struct job *job) {
    return job->ignore_end || job->token_count - job->prompt_tokens < job->min_tokens;
}

void generation_take(struct job *job, const struct drawn_token *drawn) {
    int32_t token = drawn->token;
    count_token(job);
    if (!job_reserve(job, 1)) {
        job_fail(job, GENERATION_NO_MEMORY);
        return;
    }
    job->tokens[job->token_count++] = token;
    bool ends = tokenizer_is_end(token);
    /* Other special tokens are for the model's eyes only. */
    struct text shown = tokenizer_is_special(token) ? (struct text){"", 0} : tokenizer_token(token);
    bool more = ends || text_stream_push(&job->stream, shown, &job->ready);
    job->line_begun |= has_newline(shown);
    if (job->every_token)
        tell(job, drawn);
    if (job->cancelled)
        return;
    if (ends)
        generation_end(job, GENERATION_STOP);
    else if (!more || job->stream.failed)
        generation_end(job, GENERATION_STOP_TEXT);
    else if (job->token_count == job->token_limit)
        generation_end(job, GENERATION_LENGTH);
    else if (is_late(job))
        generation_end(job, GENERATION_TIME);
}

void pooling_add(struct job *job, const float *hidden) {
    for (size_t i = 0; i < served_model->width; i++)
        job->sum[i] += hidden[i];
}

void pooling_end(struct job *job) {
    float square = 0;
    for (size_t i = 0; i < served_model->width; i++)
        square += job->sum[i] * job->sum[i];
    float scale = square > 0 ? 1 / math_sqrt(square) : 0;
    for (size_t i = 0; i < served_model->width; i++)
        job->sum[i] *= scale;
    job->ended = true;
    job->done(job->context, job->sum);
}
