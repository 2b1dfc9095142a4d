/* Who is in the next step. Every job that draws tokens has a row of its own in each step, and
 * guesses beside it where they pay; what room the pace leaves goes to prompts, in the order of
 * their clients' claims (clients.h) and, for one client, of urgency: the job first that would be
 * done first, had it been served alone since it came. So a short prompt overtakes a long one that
 * came just before, and none is overtaken for ever.
 *
 * When blocks of the KV cache run short, a job takes them from the newest one that came after it:
 * that one goes back among those who wait and is computed again, mostly out of kept blocks. The
 * oldest job is never the victim, and the pool holds a whole context; so there is always one that
 * gets on, and every job ends. */
#pragma once

#include "job.h"

/* A job's part of a step: rows for tokens [job->stored, job->stored + count), of which the last
 * `guesses` are guessed. */
struct share {
    struct job *job;
    size_t count, guesses;
};

/* Most places in the batch. */
size_t scheduler_places(void);

/* Takes a job in; it waits. */
void scheduler_add(struct job *job);

/* A job leaves, whatever it was doing. Not while it is in a step. */
void scheduler_remove(struct job *job);

/* Plans a step: writes at most scheduler_places() shares and returns how many; together they have
 * at most the model's step_rows, and at most step_logits rows that want logits. Their blocks are
 * covered. 0 only if there is no job. */
size_t scheduler_plan(struct share *shares);

/* Jobs that wait, that have a place, and that were sent back for want of blocks since start. */
struct scheduler_counts {
    size_t waiting, running;
    uint64_t preemptions;
    size_t waiting_tokens; /* of prompts that have no place yet */
};
struct scheduler_counts scheduler_counts(void);

/* The job in a place, or null. */
struct job *scheduler_place(size_t slot);

/* All jobs, by `next`, oldest first. */
struct job *scheduler_jobs(void);
