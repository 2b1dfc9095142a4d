/* What is wrong with a document: the first fault stays, the rest is not looked at. */
#include "json_lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool fail(struct json_reader *reader, unsigned status, const char *format, ...) {
    va_list arguments;
    if (reader->status)
        return false;
    reader->status = status;
    reader->param[0] = 0;
    va_start(arguments, format);
    vsnprintf(reader->message, sizeof reader->message, format, arguments);
    va_end(arguments);
    return false;
}

bool json_syntax(struct json_reader *reader, const char *expected) {
    size_t line = 1, column = 1;
    for (const char *at = reader->start; at < reader->at; at++) {
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    return fail(reader, 400,
                "The request body is not valid JSON: %s expected%s at line %zu, column %zu.",
                expected, reader->at == reader->end ? " instead of the end" : "", line, column);
}

bool json_no_memory(struct json_reader *reader) {
    return fail(reader, 413, "The request takes more memory than one request may.");
}

bool json_too_deep(struct json_reader *reader) {
    return fail(reader, 400, "The request body is nested deeper than %u levels.",
                reader->depth_limit);
}

/* Writes the path into text[0..size), always terminated. */
static void format_path(const struct json_path *path, char *text, size_t size) {
    if (!path) {
        text[0] = 0;
        return;
    }
    format_path(path->parent, text, size);
    size_t used = strlen(text);
    if (!path->field)
        snprintf(text + used, size - used, "[%zu]", path->index);
    else
        snprintf(text + used, size - used, "%s%s", used ? "." : "", path->field);
}

bool json_rule(struct json_reader *reader, const struct json_path *path, const char *rule) {
    if (reader->status)
        return false;
    reader->status = 400;
    format_path(path, reader->param, sizeof reader->param);
    snprintf(reader->message, sizeof reader->message, "%s %s.",
             path ? reader->param : "The request body", rule);
    return false;
}

bool json_missing(struct json_reader *reader, const struct json_path *path, const char *field) {
    const struct json_path here = {.parent = path, .field = field};
    return json_rule(reader, &here, "is required");
}

bool json_size(struct json_reader *reader, const struct json_path *path, const char *noun,
               size_t count, size_t least, size_t most) {
    char rule[80];
    if (reader->status)
        return false;
    if (count >= least && count <= most)
        return true;
    if (count < least)
        snprintf(rule, sizeof rule, "must have at least %zu %s%s", least, noun,
                 least > 1 ? "s" : "");
    else
        snprintf(rule, sizeof rule, "must have at most %zu %s%s", most, noun, most != 1 ? "s" : "");
    return json_rule(reader, path, rule);
}

bool json_item_count(struct json_reader *reader, const struct json_path *path, size_t count,
                     size_t least, size_t most) {
    return json_size(reader, path, "element", count, least, most);
}
