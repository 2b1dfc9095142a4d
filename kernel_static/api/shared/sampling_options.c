/* What a request says of how to draw tokens, as the engine's sampling. */
#include "answer.h"
#include "model.h"
#include "platform.h"

void answer_set_sampling(struct answer *answer, const struct sampling_options *options) {
    uint64_t seed = (uint64_t)options->seed;
    if (!options->has_seed)
        entropy_fill(&seed, sizeof(seed));
    answer->generation.sampling = (struct sampling){
        .temperature = (float)options->temperature,
        .top_k = (uint64_t)options->top_k < served_model->vocabulary ? (uint32_t)options->top_k : 0,
        .top_p = (float)options->top_p,
        .min_p = (float)options->min_p,
        .seed = seed};
}
