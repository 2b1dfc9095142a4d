/* RFC 9110 section 5.6: tokens, lists, and letters without case. */
#include "grammar.h"

#include <string.h>

static char lower(char character) {
    bool capital = character >= 'A' && character <= 'Z';
    return (char)(capital ? character + ('a' - 'A') : character);
}

static bool is_token_character(char character) {
    char small = lower(character);
    return (small >= 'a' && small <= 'z') || (character >= '0' && character <= '9') ||
           (character && strchr("!#$%&'*+-.^_`|~", character));
}

bool token_valid(struct text text) {
    for (size_t i = 0; i < text.count; i++)
        if (!is_token_character(text.bytes[i]))
            return false;
    return text.count > 0;
}

bool text_starts_caseless(struct text text, const char *literal) {
    size_t count = strlen(literal);
    if (text.count < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (lower(text.bytes[i]) != lower(literal[i]))
            return false;
    return true;
}

bool text_equal_caseless(struct text one, struct text other) {
    if (one.count != other.count)
        return false;
    for (size_t i = 0; i < one.count; i++)
        if (lower(one.bytes[i]) != lower(other.bytes[i]))
            return false;
    return true;
}

bool text_is_caseless(struct text text, const char *literal) {
    return text.count == strlen(literal) && text_starts_caseless(text, literal);
}

struct text text_trimmed(struct text text) {
    while (text.count && (*text.bytes == ' ' || *text.bytes == '\t')) {
        text.bytes++;
        text.count--;
    }
    while (text.count && (text.bytes[text.count - 1] == ' ' || text.bytes[text.count - 1] == '\t'))
        text.count--;
    return text;
}

bool list_next(struct text *list, struct text *element) {
    while (list->count) {
        const char *comma = memchr(list->bytes, ',', list->count);
        size_t count = comma ? (size_t)(comma - list->bytes) : list->count;
        *element = text_trimmed((struct text){list->bytes, count});
        list->bytes += count + (comma != NULL);
        list->count -= count + (comma != NULL);
        if (element->count)
            return true;
    }
    return false;
}
