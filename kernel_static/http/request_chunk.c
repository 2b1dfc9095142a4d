/* RFC 9112 section 7.1: chunk-size [ chunk-ext ] CRLF, data, CRLF; a size of 0 ends the body. */
#include "request.h"

#include "appliance.h"
#include "grammar.h"

/* What follows the size: nothing, or extensions, which are ignored but hold no control bytes. */
static bool extension_valid(struct text text) {
    for (size_t i = 0; i < text.count; i++)
        if (((unsigned char)text.bytes[i] < ' ' && text.bytes[i] != '\t') || text.bytes[i] == 0x7f)
            return false;
    text = text_trimmed(text);
    return !text.count || *text.bytes == ';';
}

void request_read_chunk_size(struct request_parser *parser, struct text line) {
    uint64_t size = 0;
    size_t digits = 0;
    for (; digits < line.count && hexadecimal_value(line.bytes[digits]) >= 0; digits++)
        if (size <= LIMIT_BODY_BYTES) /* beyond that it is refused whatever follows */
            size = size << 4 | (uint64_t)hexadecimal_value(line.bytes[digits]);
    if (!digits || !extension_valid((struct text){line.bytes + digits, line.count - digits})) {
        request_refuse(parser, 400, "A chunk must begin with its size in hexadecimal digits.");
        return;
    }
    parser->body_bytes += size;
    if (parser->body_bytes > LIMIT_BODY_BYTES) {
        request_refuse_large(parser);
        return;
    }
    parser->remaining = size;
    parser->state = size ? STATE_CHUNK_DATA : STATE_TRAILERS;
}
