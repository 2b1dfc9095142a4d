/* RFC 3986 section 6.2.2.2: what need not be percent-encoded is decoded. */
#include "path.h"

#include <stdbool.h>
#include <string.h>

#include "percent.h"

static bool is_unreserved(int byte) {
    int small = byte | 0x20;
    return (small >= 'a' && small <= 'z') || (byte >= '0' && byte <= '9') ||
           (byte > 0 && strchr("-._~", byte));
}

size_t path_normalise(struct text path, char *to) {
    size_t count = 0;
    for (size_t i = 0; i < path.count; i++) {
        if (path.bytes[i] != '%') {
            to[count++] = path.bytes[i];
            continue;
        }
        int byte = percent_byte(path, i);
        if (byte < 0)
            return 0;
        if (is_unreserved(byte)) {
            to[count++] = (char)byte;
        } else {
            memcpy(to + count, path.bytes + i, 3);
            count += 3;
        }
        i += 2;
    }
    return count;
}
