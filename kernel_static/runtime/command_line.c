/* The kernel command line: KEY=VALUE words with spaces between them. */
#include "command_line.h"

#include <stddef.h>
#include <string.h>

#include "log.h"

/* Every word that some part of the kernel asks for. */
static struct {
    const char *key;
    struct text value;
} known[] = {
    {.key = "ip"},     /* address/prefix of the NIC, or "dhcp" */
    {.key = "port"},   /* TCP port to listen on */
    {.key = "log"},    /* error, warn, info, debug */
    {.key = "key"},    /* clients must send "Authorization: Bearer <key>" */
    {.key = "model"},  /* hosted: path of the packed model image */
    {.key = "memory"}, /* hosted: MiB of memory to use */
    {.key = "cpus"},   /* CPUs to work on, 1 to 16; 0: all there are */
    {.key = "isa"},    /* instruction set whose kernels run, instead of the fastest */
#ifdef DEBUG
    {.key = "fault"}, /* runtime/fault.c */
#endif
};
#define WORDS (sizeof known / sizeof known[0])

static void take_word(struct text word) {
    const char *sign = memchr(word.bytes, '=', word.count);
    struct text key = {word.bytes, sign ? (size_t)(sign - word.bytes) : word.count};
    for (size_t i = 0; sign && i < WORDS; i++)
        if (text_is(key, known[i].key)) {
            known[i].value = (struct text){sign + 1, word.count - key.count - 1};
            return;
        }
    log_warn("command line", "unknown word '%.*s' is ignored", (int)word.count, word.bytes);
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
    log_warn("command line", "log=%.*s: expected error, warn, info or debug", (int)name.count,
             name.bytes);
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
    if (good && number >= least && number <= most)
        return number;
    log_warn("command line", "%s=%.*s: expected a number from %llu to %llu; using %llu", key,
             (int)text.count, text.bytes, (unsigned long long)least, (unsigned long long)most,
             (unsigned long long)otherwise);
    return otherwise;
}
