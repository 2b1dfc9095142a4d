/* What becomes of a job's rows: tokens and text for a generation, the mean for an embedding; and
 * what the client is told of it. Functions that make a job's last call set job->ended. */
#pragma once

#include "job.h"

/* The next token may not be one that ends the answer. */
bool generation_must_go_on(const struct job *job);

/* A token was drawn from the model's logits. Its text goes out with generation_show. */
void generation_take(struct job *job, const struct drawn_token *drawn);

/* Tells text that is ready. */
void generation_show(struct job *job);

void generation_end(struct job *job, enum generation_end end);

/* The hidden state of one more of the text's tokens, and of the last one. */
void pooling_add(struct job *job, const float *hidden);
void pooling_end(struct job *job);

/* Whatever it is: it comes to nothing. */
void job_fail(struct job *job, enum generation_end why);
