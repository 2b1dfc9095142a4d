/* RFC 6750 section 2.1: Authorization: Bearer KEY. */
#include "authorization.h"

#include "appliance.h"
#include "command_line.h"
#include "grammar.h"

static struct text keys; /* with commas between them */

void authorization_start(void) {
    struct text word = command_line_value("key");
    keys = word.bytes ? word : (struct text){ACCESS_KEYS, sizeof ACCESS_KEYS - 1};
    if (!keys.count)
        return;
    for (size_t i = 0, begun = 0; i <= keys.count; i++) {
        if (i < keys.count && keys.bytes[i] != ',')
            continue;
        if (i == begun)
            command_line_refuse("key", "keys with one comma between them");
        begun = i + 1;
    }
}

bool authorization_needed(void) { return keys.count > 0; }

/* Takes the same time wherever the first difference is. */
static bool same_secret(struct text given, struct text key) {
    unsigned difference = given.count != key.count;
    for (size_t i = 0; i < given.count; i++)
        difference |= (unsigned char)(given.bytes[i] ^ key.bytes[i % key.count]);
    return !difference;
}

/* Looks at all keys, whichever is the one. */
static bool is_key(struct text given) {
    struct text left = keys, key;
    bool found = false;
    while (list_next(&left, &key))
        found |= same_secret(given, key);
    return found;
}

bool authorization_valid(struct text authorization, struct text api_key) {
    static const char scheme[] = "Bearer ";
    if (!keys.count)
        return true;
    bool valid = api_key.bytes && is_key(api_key);
    if (authorization.bytes && text_starts_caseless(authorization, scheme)) {
        authorization.bytes += sizeof scheme - 1;
        authorization.count -= sizeof scheme - 1;
        valid |= is_key(text_trimmed(authorization));
    }
    return valid;
}
