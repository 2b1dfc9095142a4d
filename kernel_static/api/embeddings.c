/* POST /v1/embeddings. A few texts are in the model's hands at a time; what their vectors are is
 * written as they come, in order, and an answer that becomes long goes out meanwhile, no faster
 * than it is read. So any number of texts takes little memory. */
#include <string.h>

#include "appliance.h"
#include "shared/answer.h"
#include "api/handlers.h"
#include "mathematics.h"
#include "model.h"
#include "shared/prompt.h"
#include "shared/respond.h"
#include "shared/served_model.h"

#define PIECE_BYTES 65536 /* of an answer: when it has so many it goes out in pieces */

struct embedder;

/* One text in the model's hands, or whose vector waits for those of texts before it. */
struct place {
    struct embedder *embedder;
    struct job *job;
    float *vector; /* `width` */
    bool done;
};

/* One exchange; lives in its arena. */
struct embedder {
    struct http_exchange *exchange;
    const struct embedding_request *request;
    const struct prompt_list *inputs;
    size_t count, submitted, told;            /* inputs */
    size_t width;                             /* floats kept of each vector */
    struct place places[LIMIT_PARALLEL_JOBS]; /* input i has place i modulo their number */
    struct buffer body;                       /* not yet sent */
    struct text tail;                         /* what follows the vectors */
    bool streams;
};

static struct place *place_of(struct embedder *embedder, size_t input) {
    return &embedder->places[input % LIMIT_PARALLEL_JOBS];
}

/* Nothing more is heard of any job. */
static void release(struct embedder *embedder) {
    for (size_t i = 0; i < LIMIT_PARALLEL_JOBS; i++) {
        struct place *place = &embedder->places[i];
        if (place->job)
            engine_cancel(place->job);
        place->job = NULL;
    }
    buffer_release(&embedder->body);
}

static void client_gone(void *context) { release(context); }

/* Keeps the leading `width` dimensions, scaled to length 1 again if some were dropped. */
static void keep(const float *vector, size_t width, float *kept) {
    float square = 0, scale = 1;
    for (size_t i = 0; i < width; i++)
        square += vector[i] * vector[i];
    if (width < served_model->width && square > 0)
        scale = 1 / math_sqrt(square);
    for (size_t i = 0; i < width; i++)
        kept[i] = vector[i] * scale;
}

/* What stands round the vectors, of which the head goes to the body. False if there is no memory.
 */
static bool begin_body(struct embedder *embedder) {
    static const char nothing[] = "[]";
    size_t tokens = 0;
    for (size_t i = 0; i < embedder->count; i++)
        tokens += embedder->inputs[i].count;
    struct embedding_list empty = {
        .model = served_model_name(),
        .usage = {.prompt_tokens = (int64_t)tokens, .total_tokens = (int64_t)tokens}};
    struct buffer *body = &embedder->body;
    respond_start(body);
    embedding_list_write(body, &empty);
    size_t head = 0;
    while (!body->failed && memcmp(body->bytes + head, nothing, 2) != 0)
        head++;
    char *tail = arena_allocate(http_arena(embedder->exchange), body->count - ++head);
    if (body->failed || !tail)
        return false;
    embedder->tail = (struct text){tail, body->count - head};
    memcpy(tail, body->bytes + head, embedder->tail.count);
    body->count = head;
    return true;
}

static void write_vector(struct embedder *embedder, size_t input) {
    const float *vector = place_of(embedder, input)->vector;
    size_t width = embedder->width;
    struct embedding item = {.index = (int64_t)input};
    if (embedder->request->encoding_format == ENCODING_FORMAT_BASE64)
        item.embedding =
            (struct embedding_vector){.kind = EMBEDDING_VECTOR_BASE64,
                                      .base64 = {(const char *)vector, width * sizeof(float)}};
    else
        item.embedding =
            (struct embedding_vector){.kind = EMBEDDING_VECTOR_FLOATS, .floats = {vector, width}};
    if (input)
        buffer_append(&embedder->body, ",", 1);
    embedding_write(&embedder->body, &item);
}

static void fail(struct embedder *embedder, unsigned status, const char *message) {
    http_on_gone(embedder->exchange, NULL, NULL);
    if (embedder->streams)
        http_stream_cut(embedder->exchange);
    else
        http_error(embedder->exchange, status, "server_error", NULL, "%s", message);
    release(embedder);
}

/* Sends what the body holds as a piece of a stream; false if that ended the exchange. */
static bool send_piece(struct embedder *embedder) {
    struct buffer *body = &embedder->body;
    if (!embedder->streams)
        http_stream_start(embedder->exchange, 200, "application/json");
    embedder->streams = true;
    if (body->failed)
        http_stream_cut(embedder->exchange);
    if (body->failed || !http_stream_write(embedder->exchange, body->bytes, body->count)) {
        release(embedder);
        return false;
    }
    buffer_clear(body);
    return true;
}

static void finish(struct embedder *embedder) {
    struct buffer *body = &embedder->body;
    http_on_gone(embedder->exchange, NULL, NULL);
    buffer_append(body, embedder->tail.bytes, embedder->tail.count);
    if (!embedder->streams) {
        respond_json(embedder->exchange, 200, body);
    } else if (send_piece(embedder)) {
        http_stream_end(embedder->exchange);
        release(embedder);
    }
}

static void vector_came(void *context, const float *vector);

/* Submits more texts, unless too much of the answer waits to be read. */
static enum submit_error submit(struct embedder *embedder) {
    enum submit_error error = SUBMIT_OK;
    while (!error && embedder->submitted < embedder->count &&
           embedder->submitted - embedder->told < LIMIT_PARALLEL_JOBS &&
           http_stream_backlog(embedder->exchange) < LIMIT_STREAM_BACKLOG_BYTES / 2) {
        const struct prompt_list *input = &embedder->inputs[embedder->submitted];
        struct place *place = place_of(embedder, embedder->submitted);
        struct pooling_request request = {.client = http_client(embedder->exchange),
                                          .tokens = input->tokens,
                                          .token_count = input->count,
                                          .done = vector_came,
                                          .context = place,
                                          .continues = embedder->submitted > 0};
        error = engine_embed(&request, &place->job);
        embedder->submitted += !error;
    }
    return error;
}

static void go_on(void *context) {
    struct embedder *embedder = context;
    if (submit(embedder)) /* only memory can be short */
        fail(embedder, 503, "not enough memory for the request");
    else if (embedder->submitted < embedder->count)
        http_on_drained(embedder->exchange, go_on, embedder);
}

static void vector_came(void *context, const float *vector) {
    struct place *place = context;
    struct embedder *embedder = place->embedder;

    place->job = NULL;
    if (!vector) {
        fail(embedder, 500, "the model failed");
        return;
    }
    keep(vector, embedder->width, place->vector);
    place->done = true;
    while (embedder->told < embedder->count && place_of(embedder, embedder->told)->done) {
        write_vector(embedder, embedder->told);
        place_of(embedder, embedder->told++)->done = false;
    }
    if (embedder->told == embedder->count)
        finish(embedder);
    else if (embedder->body.count < PIECE_BYTES || send_piece(embedder))
        go_on(embedder);
}

void handle_create_embeddings(struct http_exchange *exchange,
                              const struct embedding_request *request) {
    struct arena *arena = http_arena(exchange);
    const struct prompt_list *inputs;
    size_t count;

    if (!served_model_accepts(exchange, request->has_model, request->model) ||
        !served_model_ready(exchange) ||
        !prompt_lists(exchange, &request->input, "input", &inputs, &count))
        return;
    if (request->has_dimensions && (uint64_t)request->dimensions > served_model->width) {
        http_error(exchange, 400, "invalid_request_error", "dimensions",
                   "'dimensions' must be at most the model's width, %zu", served_model->width);
        return;
    }
    size_t width = request->has_dimensions ? (size_t)request->dimensions : served_model->width;
    struct embedder *embedder = arena_allocate(arena, sizeof(*embedder));
    float *vectors = arena_allocate(arena, LIMIT_PARALLEL_JOBS * width * sizeof(*vectors));
    if (!embedder || !vectors) {
        answer_refuse(exchange, SUBMIT_NO_MEMORY, "input");
        return;
    }
    *embedder = (struct embedder){
        .exchange = exchange, .request = request, .inputs = inputs, .count = count, .width = width};
    for (size_t i = 0; i < LIMIT_PARALLEL_JOBS; i++)
        embedder->places[i] = (struct place){.embedder = embedder, .vector = vectors + i * width};
    enum submit_error error = begin_body(embedder) ? submit(embedder) : SUBMIT_NO_MEMORY;
    if (error) {
        release(embedder);
        answer_refuse(exchange, error, "input");
    } else {
        http_on_gone(exchange, client_gone, embedder);
    }
}
