/* A hosted process around the tokenizer and the chat template: requests on stdin, answers on
 * stdout (tests/tokenizer/native.py speaks the same). Heap blocks are malloc's and inputs are
 * copied to blocks of exactly their size, so that the address sanitizer sees every byte. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_template.h"
#include "heap.h"
#include "log.h"
#include "model_image.h"
#include "model.h"
#include "pretokenizer.h"
#include "tokenizer.h"
#include "unicode.h"

static struct memory_span section;
static size_t heap_room = SIZE_MAX; /* bytes the heap still gives, for tests of exhaustion */
static long blocks;

void *heap_allocate(size_t size) {
    if (size > heap_room)
        return NULL;
    blocks++;
    return malloc(size);
}

void *heap_resize(void *block, size_t size) {
    if (size > heap_room)
        return NULL;
    blocks += block == NULL;
    return realloc(block, size);
}

void heap_release(void *block) {
    blocks -= block != NULL;
    free(block);
}

struct memory_span model_image_section(const char *name) {
    return strcmp(name, "tokenizer") == 0 ? section : (struct memory_span){0};
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%d %s: ", (int)level, subsystem);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static uint32_t get_number(void) {
    uint32_t number;
    if (fread(&number, 4, 1, stdin) != 1)
        exit(0);
    return number;
}

static struct text get_text(void) {
    size_t count = get_number();
    char *bytes = malloc(count);
    if (count && fread(bytes, 1, count, stdin) != count)
        exit(2);
    return (struct text){bytes, count};
}

static void put_number(uint32_t number) { fwrite(&number, 4, 1, stdout); }

static void put_bytes(const char *bytes, size_t count) {
    put_number((uint32_t)count);
    if (count)
        fwrite(bytes, 1, count, stdout);
}

static void put_tokens(const int32_t *tokens, ptrdiff_t count) {
    put_number((uint32_t)count);
    if (count > 0)
        fwrite(tokens, 4, (size_t)count, stdout);
}

static void encode(void) {
    bool parse_special = get_number();
    size_t capacity = get_number();
    struct text text = get_text();
    int32_t *tokens = malloc(4 * capacity);
    put_tokens(tokens, tokenizer_encode(text, parse_special, tokens, capacity));
    free(tokens);
    free((char *)text.bytes);
}

static void decode(void) {
    struct buffer out;
    buffer_start(&out, 1 << 30);
    for (size_t count = get_number(); count; count--) {
        struct text token = tokenizer_token((int32_t)get_number());
        buffer_append(&out, token.bytes, token.count);
    }
    put_bytes(out.bytes, out.count);
    buffer_release(&out);
}

static bool put_piece(void *context, const char *bytes, size_t count) {
    (void)context;
    put_bytes(bytes, count);
    return true;
}

/* Every piece, then an empty one, which is no piece. */
static void split(void) {
    struct text text = get_text();
    struct pretokenizer_sink sink = {put_piece, NULL};
    served_model->split(text.bytes, text.count, &sink);
    put_number(0);
    free((char *)text.bytes);
}

static void describe(void) {
    int32_t token = (int32_t)get_number();
    put_number(tokenizer_is_special(token));
    put_number(tokenizer_is_end(token));
    put_number((uint32_t)tokenizer_beginning());
}

static void chat(bool tokens_wanted) {
    bool add_generation_prompt = get_number();
    size_t capacity = get_number();
    size_t count = get_number();
    struct chat_message *messages = malloc(count * sizeof *messages);
    for (size_t i = 0; i < count; i++) {
        messages[i].role = get_text();
        messages[i].content = get_text();
    }
    const char *error = NULL;
    struct chat whole = {messages, count, add_generation_prompt, {"", 0}};
    if (tokens_wanted) {
        int32_t *tokens = malloc(4 * capacity);
        ptrdiff_t encoded = chat_template_encode(&whole, tokens, capacity, &error);
        ptrdiff_t counted = chat_template_encode(&whole, NULL, 0, &error);
        if (encoded >= 0 ? counted != encoded
                         : encoded == TOKENIZER_TOO_LONG && counted <= (ptrdiff_t)capacity)
            abort();
        put_tokens(tokens, encoded);
        free(tokens);
    } else {
        struct buffer out;
        buffer_start(&out, 1 << 30);
        put_number(chat_template_render(&whole, &out, &error));
        put_bytes(out.bytes, out.count);
        buffer_release(&out);
    }
    put_bytes(error ? error : "", error ? strlen(error) : 0);
    for (size_t i = 0; i < count; i++) {
        free((char *)messages[i].role.bytes);
        free((char *)messages[i].content.bytes);
    }
    free(messages);
}

int main(int count, char **arguments) {
    if (count > 1) {
        FILE *file = fopen(arguments[1], "rb");
        fseek(file, 0, SEEK_END);
        section.size = (size_t)ftell(file);
        section.start = malloc(section.size);
        rewind(file);
        if (fread(section.start, 1, section.size, file) != section.size)
            return 2;
        fclose(file);
        if (!tokenizer_start())
            return 3;
    }
    for (;;) {
        switch (get_number()) {
        case 'e':
            encode();
            break;
        case 'd':
            decode();
            break;
        case 'p':
            split();
            break;
        case 'k':
            describe();
            break;
        case 'r':
            chat(false);
            break;
        case 'c':
            chat(true);
            break;
        case 'h':
            heap_room = get_number();
            break;
        case 'b':
            put_number((uint32_t)blocks);
            break;
        default:
            return 4;
        }
        fflush(stdout);
    }
}
