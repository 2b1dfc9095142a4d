/* Questions about texts and their characters that every layer asks. */
#include "text.h"

#include <string.h>

bool text_equal(struct text one, struct text other) {
    return one.count == other.count &&
           (!one.count || memcmp(one.bytes, other.bytes, one.count) == 0);
}

bool text_is(struct text text, const char *literal) {
    return text_equal(text, (struct text){literal, strlen(literal)});
}

bool text_starts_with(struct text text, struct text part) {
    return text.count >= part.count && text_equal((struct text){text.bytes, part.count}, part);
}

bool text_ends_with(struct text text, struct text part) {
    return text.count >= part.count &&
           text_equal((struct text){text.bytes + text.count - part.count, part.count}, part);
}

int hexadecimal_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
