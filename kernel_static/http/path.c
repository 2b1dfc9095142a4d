#include "path.h"

#include <stdbool.h>
#include <string.h>

#include "token.h"

/* The byte that %XX at `at` stands for; -1 if it is malformed. */
static int encoded_byte(struct text text, size_t at) {
    if (text.count - at < 3)
        return -1;
    int high = hexadecimal_value(text.bytes[at + 1]), low = hexadecimal_value(text.bytes[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

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
        int byte = encoded_byte(path, i);
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
