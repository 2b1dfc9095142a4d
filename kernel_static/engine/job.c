/* Jobs own copies of everything, so a caller's arena may go away before they end. */
#include "job.h"

#include <string.h>

#include "heap.h"
#include "model.h"
#include "pace.h"
#include "platform.h"

#define READY_LIMIT (1 << 20)
#define TOKENS_MORE 64 /* at least, when `tokens` grows */

static struct job *job_new(uint64_t client, const int32_t *tokens, size_t count, size_t limit,
                           void *context) {
    static uint64_t number;
    struct job *job = heap_allocate(sizeof(*job));
    if (!job)
        return NULL;
    *job = (struct job){.number = ++number,
                        .context = context,
                        .token_room = count,
                        .token_count = count,
                        .prompt_tokens = count,
                        .token_limit = limit};
    job->client = clients_join(client);
    job->tokens = heap_allocate(count * sizeof(*tokens));
    if (!job->client || !job->tokens || !block_table_start(&job->table, limit)) {
        job_release(job);
        return NULL;
    }
    memcpy(job->tokens, tokens, count * sizeof(*tokens));
    job->submitted = job->told = clock_nanoseconds();
    job->urgency = job->submitted + count * pace_cost(PACE_ROWS_LEAST) / PACE_ROWS_LEAST;
    job->figures.prompt_tokens = count;
    return job;
}

bool job_reserve(struct job *job, size_t more) {
    size_t needed = job->token_count + more, room = job->token_room;
    if (needed <= room)
        return true;
    room = room + room / 2 + TOKENS_MORE;
    if (room > job->token_limit + DRAFT_MOST)
        room = job->token_limit + DRAFT_MOST;
    int32_t *tokens = heap_resize(job->tokens, room * sizeof(*tokens));
    if (!tokens)
        return false;
    job->tokens = tokens;
    job->token_room = room;
    return true;
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
    struct job *job = job_new(request->client, request->prompt, request->prompt_tokens, token_limit,
                              request->context);
    if (!job)
        return NULL;
    job->events = request->events;
    job->cache_prompt = request->cache_prompt;
    job->min_tokens = request->min_tokens;
    job->ignore_end = request->ignore_end;
    job->every_token = request->every_token;
    job->answer_nanoseconds = request->answer_nanoseconds;
    drafting_start(&job->drafting);
    buffer_start(&job->ready, READY_LIMIT);
    if (!sampler_start(&job->sampler, &request->sampling) ||
        !copy_stops(job, request->stops, request->stop_count)) {
        job_release(job);
        return NULL;
    }
    text_stream_start(&job->stream, job->stops, request->stop_count);
    return job;
}

struct job *job_new_embedding(const struct pooling_request *request) {
    struct job *job = job_new(request->client, request->tokens, request->token_count,
                              request->token_count, request->context);
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
    if (job->client)
        clients_leave(job->client);
    block_table_release(&job->table);
    sampler_release(&job->sampler);
    text_stream_release(&job->stream);
    buffer_release(&job->ready);
    heap_release(job->stops);
    heap_release(job->sum);
    heap_release(job->tokens);
    heap_release(job);
}
