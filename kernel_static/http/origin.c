/* Comparing Origin, "scheme://host[:port]" or "null", with the list and with Host. */
#include "origin.h"

#include <string.h>

#include "appliance.h"
#include "authorization.h"
#include "command_line.h"
#include "grammar.h"

static struct text origins; /* with commas between them */

/* What stands behind "http://" or "https://"; count 0 if neither is there. Whether a proxy in front
 * speaks TLS cannot be seen from here. */
static struct text host_of(struct text origin) {
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (text_starts_caseless(origin, schemes[i])) {
            size_t count = strlen(schemes[i]);
            return (struct text){origin.bytes + count, origin.count - count};
        }
    return (struct text){0};
}

void origin_start(void) {
    struct text word = command_line_value("origin"), element;
    origins = word.bytes ? word : (struct text){ACCESS_ORIGINS, sizeof ACCESS_ORIGINS - 1};
    for (struct text left = origins; list_next(&left, &element);) {
        struct text host = host_of(element);
        bool good = host.count && !memchr(host.bytes, '/', host.count);
        if (!good && !text_is(element, "*") && !text_is(element, "null"))
            command_line_refuse("origin", "origins such as http://localhost:3000, or *");
    }
}

/* An address, or a name that no name server is asked for (RFC 6761 section 6.3). */
static bool is_fixed(struct text host) {
    static const char local[] = "localhost";
    if (host.count && *host.bytes == '[')
        return true;
    const char *colon = memchr(host.bytes, ':', host.count);
    if (colon)
        host.count = (size_t)(colon - host.bytes);
    bool digits = host.count > 0;
    for (size_t i = 0; i < host.count; i++)
        digits &= (host.bytes[i] >= '0' && host.bytes[i] <= '9') || host.bytes[i] == '.';
    size_t count = sizeof local - 1;
    if (digits || host.count < count)
        return digits;
    struct text end = {host.bytes + host.count - count, count};
    return text_is_caseless(end, local) && (host.count == count || end.bytes[-1] == '.');
}

bool origin_allowed(struct text origin, struct text host) {
    struct text left = origins, element;
    if (!origin.bytes || (!origins.count && authorization_needed()))
        return true;
    while (list_next(&left, &element))
        if (text_is(element, "*") || text_equal_caseless(element, origin))
            return true;
    return is_fixed(host) && text_equal_caseless(host_of(origin), host);
}
