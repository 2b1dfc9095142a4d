/* The kernel command line: KEY=VALUE words with spaces between them. */
#include "command_line.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "exit_port.h"
#include "log.h"
#include "platform.h"

/* Every word that some part of the kernel asks for. */
static struct {
    const char *key;
    const char *expected;
    struct text value;
} known[] = {
    {.key = "ip",
     .expected = "address/prefix of the network device, or the host's address to listen on"},
    {.key = "port", .expected = "TCP port to listen on"},
    {.key = "log", .expected = "error, warn, info or debug"},
    {.key = "key", .expected = "keys of clients, with commas between them"},
    {.key = "origin", .expected = "origins whose pages may ask, such as http://a:3000, or *"},
    {.key = "model", .expected = "path of the packed model image, where a host has it"},
    {.key = "memory", .expected = "MiB of the host's memory to use"},
    {.key = "cpus", .expected = "CPUs to work on; 0: all there are"},
    {.key = "isa", .expected = "instruction set whose kernels run"},
    {.key = "guesses", .expected = "1 or 0: whether tokens are guessed and verified together"},
#ifdef DEBUG
    {.key = "fault", .expected = "one of runtime/fault.c"},
#endif
};
#define WORDS (sizeof known / sizeof known[0])
#define KEY_MOST 8 /* characters of the longest key, at least */

/* How many characters must be added, left out or changed to make one of the other (Levenshtein);
 * `key` has at most KEY_MOST of them. */
static size_t distance(struct text word, const char *key) {
    size_t count = strlen(key), row[KEY_MOST + 1];
    for (size_t i = 0; i <= count; i++)
        row[i] = i;
    for (size_t i = 0; i < word.count; i++) {
        size_t corner = row[0]++;
        for (size_t j = 0; j < count; j++) {
            size_t changed = corner + (word.bytes[i] != key[j]);
            corner = row[j + 1];
            size_t shorter = (row[j] < corner ? row[j] : corner) + 1;
            row[j + 1] = changed < shorter ? changed : shorter;
        }
    }
    return row[count];
}

/* Names the key only: the value of a misspelt `key=` is a secret too. */
static _Noreturn void refuse_word(struct text key) {
    size_t nearest = 0, least = SIZE_MAX;
    for (size_t i = 0; i < WORDS; i++) {
        size_t here = distance(key, known[i].key);
        if (here < least) {
            least = here;
            nearest = i;
        }
    }
    log_error("command line", "unknown word '%.*s=': expected %s= (%s) or another of this image's",
              (int)key.count, key.bytes, known[nearest].key, known[nearest].expected);
    platform_exit(REFUSED_EXIT_CODE);
}

static void take_word(struct text word) {
    const char *sign = memchr(word.bytes, '=', word.count);
    struct text key = {word.bytes, sign ? (size_t)(sign - word.bytes) : word.count};
    for (size_t i = 0; i < WORDS; i++) {
        if (!text_is(key, known[i].key))
            continue;
        size_t before = key.count + (sign != NULL);
        known[i].value = (struct text){word.bytes + before, word.count - before};
        if (!known[i].value.count)
            command_line_refuse(known[i].key, "%s", known[i].expected);
        return;
    }
    refuse_word(key);
}

static void set_log_level(struct text name) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if (name.bytes == NULL)
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_is(name, names[i])) {
            log_set_level((enum log_level)i);
            return;
        }
    command_line_refuse("log", "error, warn, info or debug");
}

void command_line_start(const char *words) {
    for (size_t i = 0; i < WORDS; i++)
        known[i].value = (struct text){NULL, 0};
    for (words += strspn(words, " "); *words; words += strspn(words, " ")) {
        struct text word = {words, strcspn(words, " ")};
        take_word(word);
        words += word.count;
    }
    set_log_level(command_line_value("log"));
}

struct text command_line_value(const char *key) {
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(known[i].key, key) == 0)
            return known[i].value;
    return (struct text){NULL, 0};
}

uint64_t command_line_number(const char *key, uint64_t least, uint64_t most, uint64_t otherwise) {
    struct text text = command_line_value(key);
    if (text.bytes == NULL)
        return otherwise;
    uint64_t number = 0;
    bool good = text.count > 0;
    for (size_t i = 0; i < text.count && good; i++) {
        unsigned digit = (unsigned char)text.bytes[i] - (unsigned)'0';
        good = digit < 10 && number <= (most - digit) / 10;
        number = number * 10 + digit;
    }
    if (!good || number < least || number > most)
        command_line_refuse(key, "a number from %llu to %llu", (unsigned long long)least,
                            (unsigned long long)most);
    return number;
}

_Noreturn void command_line_refuse(const char *key, const char *expected, ...) {
    struct text value = command_line_value(key);
    char text[160];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    /* What a key is must not stand in a log. */
    bool secret = strcmp(key, "key") == 0 && value.count;
    log_error("command line", "%s=%.*s: expected %s", key, secret ? 3 : (int)value.count,
              secret ? "..." : value.bytes, text);
    platform_exit(REFUSED_EXIT_CODE);
}
