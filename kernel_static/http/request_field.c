/* RFC 9112 section 5: header fields, and section 6: how long the body is. */
#include "request.h"

#include <string.h>

#include "appliance.h"
#include "grammar.h"
#include "metrics.h"
#include "request_id.h"

/* Splits "name: value" and checks both. False, having refused, if it is malformed. */
static bool split_field(struct request_parser *parser, struct text line, struct text *name,
                        struct text *value) {
    if (++parser->fields > LIMIT_HEADER_FIELDS) {
        metric_count(METRIC_LIMIT_REFUSALS_HEADER_FIELDS);
        request_refuse(parser, 431, "There are too many header fields.");
        return false;
    }
    if (*line.bytes == ' ' || *line.bytes == '\t') {
        request_refuse(parser, 400, "A header field must not be folded over lines.");
        return false;
    }
    const char *colon = memchr(line.bytes, ':', line.count);
    *name = (struct text){line.bytes, colon ? (size_t)(colon - line.bytes) : 0};
    if (!token_valid(*name)) {
        request_refuse(parser, 400, "A header field must be NAME: VALUE, without a space in NAME.");
        return false;
    }
    *value = text_trimmed((struct text){colon + 1, line.count - name->count - 1});
    for (size_t i = 0; i < value->count; i++) {
        unsigned char byte = (unsigned char)value->bytes[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            request_refuse(parser, 400, "A header field has a control character in its value.");
            return false;
        }
    }
    return true;
}

/* Keeps a field's value while the request lasts. */
static void keep(struct request_parser *parser, struct text value, struct text *to) {
    char *copy = arena_allocate(parser->arena, value.count);
    if (!copy) {
        request_refuse(parser, 503, "The server is out of memory.");
        return;
    }
    memcpy(copy, value.bytes, value.count);
    *to = (struct text){copy, value.count};
}

static void read_host(struct request_parser *parser, struct text value) {
    if (parser->host_seen)
        request_refuse(parser, 400, "There must be one Host field.");
    parser->host_seen = true;
    for (size_t i = 0; i < value.count; i++)
        if (value.bytes[i] <= ' ' || value.bytes[i] > '~' || strchr("/?#@\\\"<>,", value.bytes[i]))
            request_refuse(parser, 400, "The Host field is not a host.");
    keep(parser, value, &parser->request.host);
}

/* Section 6.3: a single number; repeated or listed ones are refused even if equal. */
static void read_content_length(struct request_parser *parser, struct text value) {
    uint64_t length = 0;
    bool valid = value.count && !parser->request.has_length, too_large = false;
    for (size_t i = 0; i < value.count; i++) {
        valid &= value.bytes[i] >= '0' && value.bytes[i] <= '9';
        length = length * 10 + (uint64_t)(value.bytes[i] - '0');
        too_large |= length > LIMIT_BODY_BYTES;
        if (too_large)
            length = LIMIT_BODY_BYTES; /* cannot overflow, stays too large */
    }
    parser->request.has_length = true;
    parser->request.length = length;
    if (!valid)
        request_refuse(parser, 400, "There must be one Content-Length, a decimal number.");
    else if (too_large)
        request_refuse_large(parser);
}

/* Section 6.1: "chunked" is the only coding here; it must come once, and last. */
static void read_transfer_encoding(struct request_parser *parser, struct text value) {
    struct text coding;
    bool any = false, other = false;
    while (list_next(&value, &coding)) {
        any = true;
        if (parser->request.chunked)
            request_refuse(parser, 400, "Chunked must be the last transfer coding.");
        if (text_is_caseless(coding, "chunked"))
            parser->request.chunked = true;
        else
            other = true;
    }
    if (parser->progress == REQUEST_REFUSED)
        return;
    if (!any)
        request_refuse(parser, 400, "Transfer-Encoding must end in chunked.");
    else if (other)
        request_refuse(parser, 501, "This server knows no transfer coding but chunked.");
}

static void read_connection(struct request_parser *parser, struct text value) {
    struct text option;
    while (list_next(&value, &option)) {
        parser->connection_close |= text_is_caseless(option, "close");
        parser->connection_keep_alive |= text_is_caseless(option, "keep-alive");
    }
}

static void read_expect(struct request_parser *parser, struct text value) {
    if (text_is_caseless(value, "100-continue"))
        parser->request.expects_continue = true;
    else if (parser->request.minor >= 1)
        request_refuse(parser, 417, "The only expectation known is 100-continue.");
}

/* RFC 9110 section 8.4: "identity" is no coding. */
static void read_content_encoding(struct request_parser *parser, struct text value) {
    struct text coding;
    while (list_next(&value, &coding))
        parser->request.encoded |= !text_is_caseless(coding, "identity");
}

static void read_authorization(struct request_parser *parser, struct text value) {
    keep(parser, value, &parser->request.authorization);
}

static void read_api_key(struct request_parser *parser, struct text value) {
    keep(parser, value, &parser->request.api_key);
}

static void read_origin(struct request_parser *parser, struct text value) {
    keep(parser, value, &parser->request.origin);
}

static void read_id(struct request_parser *parser, struct text value) {
    if (request_id_valid(value))
        keep(parser, value, &parser->request.id);
}

void request_read_field(struct request_parser *parser, struct text line) {
    static const struct {
        const char *name;
        void (*read)(struct request_parser *parser, struct text value);
    } readers[] = {
        {"Host", read_host},
        {"Content-Length", read_content_length},
        {"Transfer-Encoding", read_transfer_encoding},
        {"Connection", read_connection},
        {"Expect", read_expect},
        {"Content-Encoding", read_content_encoding},
        {"Authorization", read_authorization},
        {"X-Api-Key", read_api_key},
        {"Origin", read_origin},
        {"X-Request-Id", read_id},
    };
    struct text name, value;
    if (!split_field(parser, line, &name, &value))
        return;
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (text_is_caseless(name, readers[i].name))
            readers[i].read(parser, value);
}

void request_read_trailer(struct request_parser *parser, struct text line) {
    struct text name, value;
    split_field(parser, line, &name, &value); /* nothing that a trailer may say matters here */
}

void request_end_fields(struct request_parser *parser) {
    struct http_request *request = &parser->request;
    if (request->minor >= 1 && !parser->host_seen)
        request_refuse(parser, 400, "An HTTP/1.1 request must have a Host field.");
    else if (request->chunked && request->has_length)
        request_refuse(parser, 400,
                       "A request must not have both Content-Length and "
                       "Transfer-Encoding.");
    else if (request->chunked && request->minor == 0)
        request_refuse(parser, 400, "HTTP/1.0 has no Transfer-Encoding.");
    else
        parser->progress = REQUEST_HEAD_READY;
    request->keep_alive =
        !parser->connection_close && (request->minor >= 1 || parser->connection_keep_alive);
    request->expects_continue &= request->minor >= 1 && (request->chunked || request->length);
}
