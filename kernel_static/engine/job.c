/* Jobs own copies of everything, so a caller's arena may go away before they end. */
#include "job.h"

#include <string.h>

#include "heap.h"
#include "model.h"

#define READY_LIMIT (1 << 20)

static struct job *job_new(const int32_t *tokens, size_t count, size_t limit, void *context) {
    struct job *job = heap_allocate(sizeof(*job));
    if (!job)
        return NULL;
    *job = (struct job){
        .context = context, .token_count = count, .prompt_tokens = count, .token_limit = limit};
    job->tokens = heap_allocate(limit * sizeof(*tokens));
    if (!job->tokens || !block_table_start(&job->table, limit)) {
        job_release(job);
        return NULL;
    }
    memcpy(job->tokens, tokens, count * sizeof(*tokens));
    return job;
}

static bool copy_stops(struct job *job, const struct text *stops, size_t count) {
    size_t size = count * sizeof(*stops);
    for (size_t i = 0; i < count; i++)
        size += stops[i].count;
    job->stops = heap_allocate(size);
    if (!job->stops)
        return false;
    char *bytes = (char *)(job->stops + count);
    for (size_t i = 0; i < count; i++) {
        job->stops[i] = (struct text){bytes, stops[i].count};
        memcpy(bytes, stops[i].bytes, stops[i].count);
        bytes += stops[i].count;
    }
    return true;
}

struct job *job_new_generation(const struct generation_request *request, size_t token_limit) {
    struct job *job =
        job_new(request->prompt, request->prompt_tokens, token_limit, request->context);
    if (!job)
        return NULL;
    job->events = request->events;
    job->cache_prompt = request->cache_prompt;
    job->sampling = request->sampling;
    random_seed(&job->random, request->sampling.seed);
    buffer_start(&job->ready, READY_LIMIT);
    if (!copy_stops(job, request->stops, request->stop_count)) {
        job_release(job);
        return NULL;
    }
    text_stream_start(&job->stream, job->stops, request->stop_count);
    return job;
}

struct job *job_new_embedding(const struct pooling_request *request) {
    struct job *job =
        job_new(request->tokens, request->token_count, request->token_count, request->context);
    if (!job)
        return NULL;
    job->embeds = true;
    job->done = request->done;
    job->sum = heap_allocate(served_model->width * sizeof(float));
    if (!job->sum) {
        job_release(job);
        return NULL;
    }
    memset(job->sum, 0, served_model->width * sizeof(float));
    return job;
}

void job_release(struct job *job) {
    if (job->cache_prompt)
        block_table_keep(&job->table, job->tokens, job->stored);
    block_table_release(&job->table);
    text_stream_release(&job->stream);
    buffer_release(&job->ready);
    heap_release(job->stops);
    heap_release(job->sum);
    heap_release(job->tokens);
    heap_release(job);
}
