/* Texts of runs that remember whose bytes they are, and Python's operations on them. */
#include "chat_text.h"

#include <stdio.h>
#include <string.h>

#include "unicode.h"

void chat_write(struct chat_run *run, struct text text, enum chat_origin origin) {
    if (text.count)
        run->write(run->context, text, origin);
}

void chat_write_all(struct chat_run *run, struct chat_text text) {
    for (struct chat_piece *piece = text.first; piece; piece = piece->next)
        chat_write(run, piece->text, piece->origin);
}

void chat_fail(struct chat_run *run, const char *why) {
    if (!run->error)
        run->error = why;
}

void chat_no_memory(struct chat_run *run) {
    run->no_memory = true;
    chat_fail(run, "not enough memory to render the chat");
}

void chat_add(struct chat_run *run, struct chat_text *to, struct text text,
              enum chat_origin origin) {
    if (!text.count)
        return;
    struct chat_piece *piece = arena_allocate(&run->arena, sizeof *piece);
    if (!piece) {
        chat_no_memory(run);
        return;
    }
    *piece = (struct chat_piece){NULL, text, origin};
    if (to->last)
        to->last->next = piece;
    else
        to->first = piece;
    to->last = piece;
}

void chat_add_all(struct chat_run *run, struct chat_text *to, struct chat_text text) {
    for (struct chat_piece *piece = text.first; piece; piece = piece->next)
        chat_add(run, to, piece->text, piece->origin);
}

struct chat_text chat_one(struct chat_run *run, struct text text, enum chat_origin origin) {
    struct chat_text made = {0};
    chat_add(run, &made, text, origin);
    return made;
}

struct chat_text chat_needed(struct chat_run *run, struct chat_text text) {
    if (text.absent)
        chat_fail(run, "the chat template uses a text that this chat does not have");
    return text;
}

struct chat_text chat_shown(struct chat_run *run, struct chat_text text, struct text instead) {
    return text.absent ? chat_one(run, instead, CHAT_TEMPLATE) : text;
}

struct text chat_flat(struct chat_run *run, struct chat_text text) {
    size_t count = 0;
    for (struct chat_piece *piece = text.first; piece; piece = piece->next)
        count += piece->text.count;
    if (text.first == text.last)
        return text.first ? text.first->text : (struct text){"", 0};
    char *bytes = arena_allocate(&run->arena, count);
    if (!bytes) {
        chat_no_memory(run);
        return (struct text){"", 0};
    }
    size_t done = 0;
    for (struct chat_piece *piece = text.first; piece; piece = piece->next) {
        memcpy(bytes + done, piece->text.bytes, piece->text.count);
        done += piece->text.count;
    }
    return (struct text){bytes, count};
}

const struct chat_message *chat_message_at(struct chat_run *run, struct chat_messages messages,
                                           int64_t index) {
    static const struct chat_message nothing = {{"", 0}, {"", 0}};
    if (index < 0)
        index += messages.count;
    if (index >= 0 && index < messages.count)
        return &messages.first[index];
    chat_fail(run, "the chat template asks for a message that is not there");
    return &nothing;
}

static int64_t clamp(int64_t at, int64_t count) {
    if (at < 0)
        at += count;
    return at < 0 ? 0 : at > count ? count : at;
}

struct chat_messages chat_slice(struct chat_messages messages, int64_t start, int64_t end) {
    start = clamp(start, messages.count);
    end = clamp(end, messages.count);
    return (struct chat_messages){messages.count ? messages.first + start : NULL,
                                  end > start ? end - start : 0};
}

/* str.isspace: White_Space, and the four separators U+001C to U+001F. */
static bool is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

struct text chat_trim_start(struct text text) {
    size_t start = 0;
    for (size_t next = 0;
         next < text.count && is_space(unicode_next(text.bytes, text.count, &next));)
        start = next;
    return (struct text){text.bytes + start, text.count - start};
}

struct text chat_trim_end(struct text text) {
    while (text.count) {
        size_t last = unicode_before(text.bytes, text.count), next = last;
        if (!is_space(unicode_next(text.bytes, text.count, &next)))
            break;
        text.count = last;
    }
    return text;
}

struct text chat_trim(struct text text) { return chat_trim_end(chat_trim_start(text)); }

struct chat_text chat_trim_all(struct chat_run *run, struct chat_text text) {
    struct chat_piece *start = text.first, *last = NULL;
    while (start && !chat_trim_start(start->text).count)
        start = start->next;
    for (struct chat_piece *piece = start; piece; piece = piece->next)
        if (chat_trim_end(piece->text).count)
            last = piece;
    struct chat_text trimmed = {0};
    for (struct chat_piece *piece = start; last && piece != last->next; piece = piece->next) {
        struct text part = piece == start ? chat_trim_start(piece->text) : piece->text;
        chat_add(run, &trimmed, piece == last ? chat_trim_end(part) : part, piece->origin);
    }
    return trimmed;
}

int64_t chat_length(struct text text) {
    int64_t length = 0;
    for (size_t at = 0; at < text.count; length++)
        unicode_next(text.bytes, text.count, &at);
    return length;
}

struct text chat_decimal(struct chat_run *run, int64_t number) {
    char *bytes = arena_allocate(&run->arena, 24);
    if (!bytes) {
        chat_no_memory(run);
        return (struct text){"", 0};
    }
    int count = snprintf(bytes, 24, "%lld", (long long)number);
    return (struct text){bytes, (size_t)count};
}

/* Where `part` first begins at `at` or later, or SIZE_MAX. */
static size_t find(struct text text, size_t at, struct text part) {
    for (; at + part.count <= text.count; at++)
        if (text_starts_with((struct text){text.bytes + at, text.count - at}, part))
            return at;
    return SIZE_MAX;
}

bool chat_contains(struct text text, struct text part) { return find(text, 0, part) != SIZE_MAX; }

struct text chat_before_first(struct text text, struct text mark) {
    size_t at = find(text, 0, mark);
    return at == SIZE_MAX ? text : (struct text){text.bytes, at};
}

struct text chat_after_last(struct text text, struct text mark) {
    size_t start = 0; /* str.split goes from the left, so occurrences do not overlap */
    for (size_t at; (at = find(text, start, mark)) != SIZE_MAX;)
        start = at + mark.count;
    return (struct text){text.bytes + start, text.count - start};
}
