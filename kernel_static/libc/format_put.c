/* Characters of printf's output, padded. */
#include "format.h"

#include <string.h>

void format_put(struct sink *sink, const char *bytes, size_t count) {
    if (sink->count < sink->size) {
        size_t room = sink->size - sink->count;
        memcpy(sink->to + sink->count, bytes, count < room ? count : room);
    }
    sink->count += count;
}

void format_put_repeated(struct sink *sink, char character, ptrdiff_t count) {
    for (; count > 0; count--)
        format_put(sink, &character, 1);
}

void format_put_padded(struct sink *sink, const struct conversion *conversion, const char *prefix,
                       ptrdiff_t zeros, const char *body, size_t count) {
    size_t prefix_count = strlen(prefix);
    ptrdiff_t padding = conversion->width - zeros - (ptrdiff_t)(prefix_count + count);
    if (!conversion->left && !conversion->zero)
        format_put_repeated(sink, ' ', padding);
    format_put(sink, prefix, prefix_count);
    if (!conversion->left && conversion->zero)
        format_put_repeated(sink, '0', padding);
    format_put_repeated(sink, '0', zeros);
    format_put(sink, body, count);
    if (conversion->left)
        format_put_repeated(sink, ' ', padding);
}

const char *format_sign(const struct conversion *conversion, bool negative) {
    return negative ? "-" : conversion->plus ? "+" : conversion->space ? " " : "";
}
