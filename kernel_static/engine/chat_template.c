/* Runs the generated template; its output as text, or as tokens with the messages' bytes kept
 * from being markup. */
#include "chat_template.h"

#include "chat_text.h"
#include "heap.h"
#include "model.h"
#include "tokenizer.h"
#include "unicode.h"

#define SCRATCH_BYTES (8 << 20) /* most that one rendering may put together */
#define RANGES_SMALLEST 64

static bool run_template(struct chat_run *run, const struct chat *chat) {
    run->messages = (struct chat_messages){chat->messages, (int64_t)chat->count};
    run->add_generation_prompt = chat->add_generation_prompt;
    arena_start(&run->arena, SCRATCH_BYTES);
    served_model->write_chat(run);
    if (!run->error)
        chat_write(run, chat->begun, CHAT_MESSAGE);
    arena_release(&run->arena);
    return !run->error;
}

static void append(void *context, struct text text, enum chat_origin origin) {
    (void)origin;
    buffer_append(context, text.bytes, text.count);
}

bool chat_template_render(const struct chat *chat, struct buffer *out, const char **error) {
    struct chat_run run = {.write = append, .context = out};
    run_template(&run, chat);
    if (out->failed)
        chat_no_memory(&run);
    *error = run.error;
    return !run.error;
}

/* A rendering that notes which bytes came from messages. */
struct origins {
    struct buffer text;
    struct text_range *ranges;
    size_t count, capacity;
    bool failed;
};

static void note_range(struct origins *origins, size_t start, size_t end) {
    if (origins->count && origins->ranges[origins->count - 1].end == start) {
        origins->ranges[origins->count - 1].end = end;
        return;
    }
    if (origins->count == origins->capacity) {
        size_t capacity = origins->capacity ? 2 * origins->capacity : RANGES_SMALLEST;
        struct text_range *ranges = heap_resize(origins->ranges, capacity * sizeof *ranges);
        if (!ranges) {
            origins->failed = true;
            return;
        }
        origins->ranges = ranges;
        origins->capacity = capacity;
    }
    origins->ranges[origins->count++] = (struct text_range){start, end};
}

static void append_with_origin(void *context, struct text text, enum chat_origin origin) {
    struct origins *origins = context;
    size_t start = origins->text.count;
    unicode_append_valid(&origins->text, text);
    if (origin == CHAT_MESSAGE && origins->text.count > start)
        note_range(origins, start, origins->text.count);
}

ptrdiff_t chat_template_encode(const struct chat *chat, int32_t *tokens, size_t capacity,
                               const char **error) {
    struct origins origins = {0};
    struct chat_run run = {.write = append_with_origin, .context = &origins};
    ptrdiff_t encoded = CHAT_TEMPLATE_REFUSES;
    buffer_start(&origins.text, SIZE_MAX / 4);
    run_template(&run, chat);
    if (origins.failed || origins.text.failed)
        chat_no_memory(&run);
    *error = run.error;
    if (run.no_memory) {
        encoded = TOKENIZER_NO_MEMORY;
    } else if (!run.error) {
        struct text rendered = {origins.text.bytes, origins.text.count};
        encoded = tokenizer_encode_mixed(rendered, origins.ranges, origins.count, tokens, capacity);
    }
    heap_release(origins.ranges);
    buffer_release(&origins.text);
    return encoded;
}
