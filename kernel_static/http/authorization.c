/* RFC 6750 section 2.1: Authorization: Bearer KEY. */
#include "authorization.h"

#include "command_line.h"
#include "grammar.h"

/* Takes the same time wherever the first difference is. */
static bool same_secret(struct text given, struct text key) {
    unsigned difference = given.count != key.count;
    for (size_t i = 0; i < given.count; i++)
        difference |= (unsigned char)(given.bytes[i] ^ key.bytes[key.count ? i % key.count : 0]);
    return !difference;
}

bool authorization_valid(struct text field) {
    static const char scheme[] = "Bearer ";
    struct text key = command_line_value("key");
    if (!key.count)
        return true; /* the appliance is open */
    if (!field.bytes || !text_starts_caseless(field, scheme))
        return false;
    struct text token = {field.bytes + sizeof scheme - 1, field.count - (sizeof scheme - 1)};
    return same_secret(text_trimmed(token), key);
}
