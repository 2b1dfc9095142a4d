/* Heads of responses, field by field, and what an error says. */
#include "response.h"

#include <string.h>

#include "date.h"
#include "json.h"
#include "method.h"

static const char *reason(unsigned status) {
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown"; /* the phrase means nothing to clients */
}

/* "GET, HEAD, OPTIONS": HEAD comes with GET, OPTIONS with any path. */
static void write_methods(struct buffer *to, uint32_t methods) {
    const char *separator = "";
    methods |= HTTP_OPTIONS | (methods & HTTP_GET ? HTTP_HEAD : 0);
    for (; methods; methods &= methods - 1) {
        enum http_method lowest = (enum http_method)(methods & -methods);
        buffer_format(to, "%s%s", separator, method_name(lowest));
        separator = ", ";
    }
}

static void write_id(struct buffer *to, const char *name, struct text id) {
    buffer_append(to, name, strlen(name));
    buffer_append(to, id.bytes, id.count);
    buffer_append(to, "\r\n", 2);
}

/* What lets a page read the response (Fetch standard, section 3.2). */
static void write_origin(struct buffer *to, const struct response_head *head) {
    buffer_format(to, "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n",
                  (int)head->origin.count, head->origin.bytes);
    buffer_format(to, "Access-Control-Expose-Headers: X-Request-Id, Retry-After\r\n");
    if (head->allowed) {
        buffer_format(to, "Access-Control-Allow-Methods: ");
        write_methods(to, head->allowed);
        buffer_format(to, "\r\nAccess-Control-Allow-Headers: *, Authorization\r\n"
                          "Access-Control-Max-Age: 86400\r\n");
    }
}

void response_write_head(struct buffer *to, const struct response_head *head) {
    char date[DATE_SIZE];
    buffer_format(to, "HTTP/1.1 %u %s\r\nServer: cllm\r\n", head->status, reason(head->status));
    if (date_format(date))
        buffer_format(to, "Date: %s\r\n", date);
    if (head->id.count)
        write_id(to, "X-Request-Id: ", head->id);
    if (head->id.count && head->id_named_twice)
        write_id(to, "Request-Id: ", head->id);
    if (head->origin.count)
        write_origin(to, head);
    if (head->content_type)
        buffer_format(to, "Content-Type: %s\r\n", head->content_type);
    if (head->framing == FRAMING_LENGTH)
        buffer_format(to, "Content-Length: %llu\r\n", (unsigned long long)head->length);
    else if (head->framing == FRAMING_CHUNKED)
        buffer_format(to, "Transfer-Encoding: chunked\r\n");
    if (head->allowed) {
        buffer_format(to, "Allow: ");
        write_methods(to, head->allowed);
        buffer_format(to, "\r\n");
    }
    if (head->retry_after)
        buffer_format(to, "Retry-After: %u\r\n", head->retry_after);
    if (head->extra)
        buffer_append(to, head->extra, strlen(head->extra));
    if (head->close)
        buffer_format(to, "Connection: close\r\n");
    else if (head->keep_alive_said)
        buffer_format(to, "Connection: keep-alive\r\n");
    buffer_append(to, "\r\n", 2);
}

static void write_nullable(struct buffer *to, const char *value) {
    if (value)
        json_write_string(to, (struct text){value, strlen(value)});
    else
        json_write_raw(to, "null");
}

/* The types of https://docs.anthropic.com/en/api/errors, which go by the status. */
static const char *anthropic_type(unsigned status) {
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 503:
        return "overloaded_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

static void write_more(struct buffer *to, const struct refusal *refusal) {
    if (refusal->more)
        buffer_format(to, ",%s", refusal->more);
    json_write_raw(to, "}}");
}

void response_write_refusal(struct buffer *to, const struct refusal *refusal,
                            enum error_shape shape) {
    if (shape == ERRORS_ANTHROPIC) {
        json_write_raw(to, "{\"type\":\"error\",\"error\":{\"type\":");
        write_nullable(to, anthropic_type(refusal->status));
        json_write_raw(to, ",\"message\":");
        write_nullable(to, refusal->message);
        write_more(to, refusal);
        return;
    }
    const char *usual = refusal->status >= 500 ? "server_error" : "invalid_request_error";
    json_write_raw(to, "{\"error\":{\"message\":");
    write_nullable(to, refusal->message);
    json_write_raw(to, ",\"type\":");
    write_nullable(to, refusal->type ? refusal->type : usual);
    json_write_raw(to, ",\"param\":");
    write_nullable(to, refusal->param);
    json_write_raw(to, ",\"code\":");
    write_nullable(to, refusal->code);
    write_more(to, refusal);
}
