/* One list of all jobs, oldest first. There are few enough that nothing is indexed. */
#include "scheduler.h"

#include "appliance.h"
#include "model.h"
#include "pace.h"
#include "panic.h"

static struct job *jobs;
static struct job *places[LIMIT_SEQUENCES];
static struct scheduler_counts counts;

/* The plan in the making. */
static struct {
    struct share *shares;
    size_t count, rows, answers; /* answers: rows that want logits */
} plan;

size_t scheduler_places(void) {
    size_t most = served_model->step_logits;
    return most < LIMIT_SEQUENCES ? most : LIMIT_SEQUENCES;
}

struct scheduler_counts scheduler_counts(void) { return counts; }

struct job *scheduler_place(size_t slot) { return places[slot]; }

struct job *scheduler_jobs(void) { return jobs; }

static void wait(struct job *job) {
    job->client->waiting++;
    counts.waiting++;
    counts.waiting_tokens += job->token_count;
}

static void wait_no_more(struct job *job) {
    job->client->waiting--;
    counts.waiting--;
    counts.waiting_tokens -= job->token_count;
}

/* Leaves its place, and gives its blocks back. */
static void stop_running(struct job *job) {
    if (job->cache_prompt)
        block_table_keep(&job->table, job->tokens, job->stored);
    block_table_clear(&job->table);
    places[job->slot] = NULL;
    job->running = false;
    job->client->running--;
    counts.running--;
}

void scheduler_add(struct job *job) {
    struct job **end = &jobs;
    while (*end)
        end = &(*end)->next;
    *end = job;
    wait(job);
}

void scheduler_remove(struct job *job) {
    struct job **link = &jobs;
    kernel_assert(!job->in_step);
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (job->running)
        stop_running(job);
    else
        wait_no_more(job);
}

static void preempt(struct job *job) {
    stop_running(job);
    job->stored = job->kept = 0;
    wait(job);
    counts.preemptions++;
}

/* Whether the plan has rows of the job already. */
static bool planned(const struct job *job) {
    for (size_t i = 0; i < plan.count; i++)
        if (plan.shares[i].job == job)
            return true;
    return false;
}

/* The newest job behind `job` that has blocks to give and is not planned; null if there is none. */
static struct job *victim_of(struct job *job) {
    struct job *victim = NULL;
    for (struct job *other = job->next; other; other = other->next)
        if (other->running && other->table.count && !planned(other))
            victim = other;
    return victim;
}

/* Covers what the job will have stored, at the cost of newer ones if need be. */
static bool cover(struct job *job, size_t stored) {
    while (!block_table_cover(&job->table, stored)) {
        struct job *victim = victim_of(job);
        if (!victim)
            return false;
        preempt(victim);
    }
    return true;
}

static void put(struct job *job, size_t count, bool answers) {
    plan.shares[plan.count++] = (struct share){.job = job, .count = count};
    plan.rows += count;
    plan.answers += answers;
    job->client->served += count;
}

/* ---- those that draw tokens ---- */

/* Jobs before this one in the list come first, so that they take blocks from it and not it from
 * them. A job that finds no blocks sits out, with those that it has. */
static void plan_answers(void) {
    for (struct job *job = jobs; job; job = job->next)
        if (job->running && job_decodes(job) && cover(job, job->stored + 1))
            put(job, 1, true);
}

/* Guesses for those in the plan, if nobody else could use the room. */
static void plan_guesses(void) {
    size_t answers = plan.answers;
    for (size_t i = 0; i < answers; i++) {
        struct share *share = &plan.shares[i];
        struct job *job = share->job;
        size_t most = DRAFT_MOST, left = job->token_limit - job->token_count - 1;
        most = most < left ? most : left;
        if (most > served_model->step_logits - plan.answers)
            most = served_model->step_logits - plan.answers;
        most = drafting_length(&job->drafting, plan.rows, answers, most);
        if (!most || !job_reserve(job, most))
            continue;
        int32_t *behind = job->tokens + job->token_count;
        size_t guesses = draft_guess(job->tokens, job->token_count, behind, most);
        if (!guesses || !block_table_cover(&job->table, job->token_count + guesses))
            continue;
        share->count += guesses;
        share->guesses = guesses;
        plan.rows += guesses;
        plan.answers += guesses;
    }
}

/* ---- prompts ---- */

static bool before(const struct job *one, const struct job *other) {
    if (one->client->served != other->client->served)
        return one->client->served < other->client->served;
    return one->urgency < other->urgency;
}

/* Whole blocks of tokens with which both begin. */
static size_t common_blocks(const struct job *one, const struct job *other) {
    size_t most = one->token_count < other->token_count ? one->token_count : other->token_count;
    size_t same = 0;
    while (same < most && one->tokens[same] == other->tokens[same])
        same++;
    return same / served_model->block_tokens;
}

/* Another job is about to compute and keep what this one needs too, which then takes it. */
static bool is_being_computed(const struct job *job) {
    for (const struct job *other = jobs; job->cache_prompt && other; other = other->next)
        if (other->running && other->cache_prompt && !job_decodes(other) &&
            common_blocks(job, other) > other->kept / served_model->block_tokens)
            return true;
    return false;
}

static bool wants_prompt_rows(const struct job *job) {
    return job_pending(job) && !(job->running && job_decodes(job)) && !planned(job);
}

/* The job whose prompt goes on next, of those that were not passed over in this plan. */
static struct job *next_prompt(uint64_t pass, bool places) {
    struct job *found = NULL;
    for (struct job *job = jobs; job; job = job->next)
        if (job->passed != pass && (job->running || places) && wants_prompt_rows(job) &&
            (!found || before(job, found)))
            found = job;
    return found;
}

/* Gives the job a place, with what is kept of its beginning, if there is one, and blocks for all of
 * its tokens and one more for each job that runs. */
static bool start_running(struct job *job) {
    size_t stored = 0;
    if (counts.running == scheduler_places())
        return false;
    if (job->cache_prompt)
        stored = block_table_take_kept(&job->table, job->tokens, job->token_count);
    if (counts.running && block_table_lacks(&job->table, job->token_count) + counts.running >
                              kv_cache_idle().blocks) {
        block_table_clear(&job->table);
        return false;
    }
    wait_no_more(job);
    for (job->slot = 0; places[job->slot];)
        job->slot++;
    places[job->slot] = job;
    job->stored = job->kept = stored;
    job->running = true;
    job->client->running++;
    counts.running++;
    return true;
}

/* A client of which nothing runs though something waits takes a place from the one of which most
 * does, from its newest job. */
static void share_places(void) {
    struct client *greediest = clients_greediest();
    struct job *stranger = NULL, *newest = NULL;
    for (struct job *job = jobs; job && greediest; job = job->next) {
        if (!job->running && !job->client->running && !stranger && !is_being_computed(job))
            stranger = job;
        if (job->running && job->client == greediest)
            newest = job;
    }
    if (stranger && newest && !start_running(stranger)) {
        preempt(newest);
        start_running(stranger);
    }
}

/* Rows of prompts, as long as the pace allows. Once a job finds no place, no other that waits is
 * looked for: it would be overtaken for ever by those that need less. */
static void plan_prompts(void) {
    static uint64_t pass;
    size_t most = plan.rows + pace_rows(plan.rows);
    bool places = true;
    struct job *job;
    for (pass++; plan.rows < most && (job = next_prompt(pass, places)) != NULL;) {
        job->passed = pass;
        if (!job->running && is_being_computed(job))
            continue;
        if (!job->running && !start_running(job)) {
            places = false;
            continue;
        }
        size_t pending = job_pending(job), room = most - plan.rows;
        size_t count = pending < room ? pending : room;
        if (cover(job, job->stored + count))
            put(job, count, !job->embeds && count == pending);
    }
}

size_t scheduler_plan(struct share *shares) {
    plan.shares = shares;
    plan.count = plan.rows = plan.answers = 0;
    share_places();
    plan_answers();
    size_t answers = plan.count;
    plan_prompts();
    if (plan.count == answers)
        plan_guesses();
    kernel_assert(plan.count || !jobs);
    return plan.count;
}
