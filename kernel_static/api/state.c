/* GET /props and GET /slots. */
#include <string.h>

#include "api/handlers.h"
#include "appliance.h"
#include "engine.h"
#include "json.h"
#include "model.h"
#include "shared/answer.h"
#include "shared/respond.h"
#include "shared/served_model.h"
#include "tokenizer.h"

static struct text token_text(int32_t token) {
    return token < 0 ? (struct text){"", 0} : tokenizer_token(token);
}

static struct text text_of(const char *bytes) { return (struct text){bytes, strlen(bytes)}; }

/* What the parser makes of a request that says nothing but its prompt; false if memory ran out. */
static bool read_defaults(struct arena *arena, struct native_request *request) {
    struct json_reader reader;
    json_begin(&reader, text_of("{\"prompt\":\"\"}"), arena, LIMIT_JSON_DEPTH);
    return native_request_parse(&reader, NULL, request);
}

/* An answer that nothing was asked of. */
static const struct answer nothing = {.logit_bias = {.kind = LOGIT_BIAS_ITEMS}};

void handle_get_properties(struct http_exchange *exchange) {
    struct native_request *request = arena_allocate(http_arena(exchange), sizeof(*request));
    struct buffer body;

    if (!served_model_ready(exchange))
        return;
    respond_start(&body);
    body.failed = !request || !read_defaults(http_arena(exchange), request);
    if (!body.failed) {
        struct properties value = {
            .default_generation_settings = {.params = {.n_predict = -1,
                                                       .max_tokens = -1,
                                                       .sampling_options = sampling_options_told(
                                                           &nothing, &request->sampling_options)},
                                            .n_ctx = (int64_t)engine_context()},
            .total_slots = LIMIT_SEQUENCES,
            .model_alias = served_model_name(),
            .model_path = text_of(served_model->file),
            .chat_template = text_of(served_model->chat_template),
            .bos_token = token_text(served_model->bos),
            .eos_token = token_text(served_model->eos),
            .build_info = served_model_fingerprint()};
        struct sampling_options *options =
            &value.default_generation_settings.params.sampling_options;
        options->seed = -1;
        properties_write(&body, &value);
    }
    respond_json(exchange, 200, &body);
}

/* How many, -1 for all. */
static int64_t so_many(size_t count) { return count == SIZE_MAX ? -1 : (int64_t)count; }

static struct slot_params params_of(const struct sampling *sampling) {
    return (struct slot_params){.seed = (int64_t)sampling->seed,
                                .temperature = (double)sampling->temperature,
                                .dynatemp_range = (double)sampling->dynatemp_range,
                                .dynatemp_exponent = (double)sampling->dynatemp_exponent,
                                .top_k = sampling->top_k,
                                .top_p = (double)sampling->top_p,
                                .min_p = (double)sampling->min_p,
                                .top_n_sigma = (double)sampling->top_n_sigma,
                                .xtc_probability = (double)sampling->xtc_probability,
                                .xtc_threshold = (double)sampling->xtc_threshold,
                                .typical_p = (double)sampling->typical_p,
                                .min_keep = so_many(sampling->min_keep),
                                .repeat_last_n = so_many(sampling->repeat_last_n),
                                .repeat_penalty = (double)sampling->repeat_penalty,
                                .presence_penalty = (double)sampling->presence_penalty,
                                .frequency_penalty = (double)sampling->frequency_penalty,
                                .dry_multiplier = (double)sampling->dry_multiplier,
                                .dry_base = (double)sampling->dry_base,
                                .dry_allowed_length = sampling->dry_allowed_length,
                                .dry_penalty_last_n = so_many(sampling->dry_last_n),
                                .mirostat = sampling->mirostat,
                                .mirostat_tau = (double)sampling->mirostat_tau,
                                .mirostat_eta = (double)sampling->mirostat_eta,
                                .n_probs = sampling->likeliest,
                                .post_sampling_probs = sampling->after_the_chain};
}

/* `next` is where the slot's one next_token goes. */
static struct slot slot_of(size_t index, struct next_token *next) {
    struct engine_slot place = engine_slot(index);
    size_t left = place.token_limit - place.prompt_tokens;
    bool generates = place.busy && !place.embeds;
    *next = (struct next_token){.has_next_token = generates,
                                .n_remain = generates ? (int64_t)(left - place.answer_tokens) : 0,
                                .n_decoded = (int64_t)place.answer_tokens};
    return (struct slot){.id = (int64_t)index,
                         .id_task = place.busy ? (int64_t)place.job : -1,
                         .n_ctx = (int64_t)engine_context(),
                         .speculative = engine_guesses(),
                         .is_processing = place.busy,
                         .n_prompt_tokens = (int64_t)place.prompt_tokens,
                         .n_prompt_tokens_processed = (int64_t)place.stored,
                         .has_params = place.busy,
                         .params = params_of(&place.sampling),
                         .has_next_token = place.busy,
                         .next_token = {next, 1}};
}

void handle_list_slots(struct http_exchange *exchange) {
    struct slot *slots = arena_allocate(http_arena(exchange), LIMIT_SEQUENCES * sizeof(*slots));
    struct next_token *next = arena_allocate(http_arena(exchange), LIMIT_SEQUENCES * sizeof(*next));
    struct buffer body;

    if (!served_model_ready(exchange))
        return;
    respond_start(&body);
    body.failed = !slots || !next;
    for (size_t i = 0; !body.failed && i < LIMIT_SEQUENCES; i++)
        slots[i] = slot_of(i, &next[i]);
    if (!body.failed)
        slot_list_write(&body, &(struct slot_list){slots, LIMIT_SEQUENCES});
    respond_json(exchange, 200, &body);
}
