/* Finds members of written JSON, and writes them again. */
#include "response_fields.h"

#include <string.h>

#include "json.h"

#define NESTING 32
#define KEYS_BYTES 65536 /* of all keys of an object, which are read to be compared */

/* The member of an object as JSON; bytes null if it has none of that name, or is no object. */
static struct text member(struct text object, struct text name) {
    struct json_reader reader;
    struct arena keys;
    struct text key, found = {NULL, 0};
    arena_start(&keys, KEYS_BYTES);
    json_begin(&reader, object, &keys, NESTING);
    if (json_peek(&reader) == JSON_OBJECT && json_object(&reader, NULL))
        for (bool first = true; !found.bytes && json_object_next(&reader, &first, &key);) {
            json_peek(&reader); /* to where the value begins */
            const char *start = reader.at;
            if (json_skip(&reader) && text_equal(key, name))
                found = (struct text){start, (size_t)(reader.at - start)};
        }
    arena_release(&keys);
    return found;
}

/* The value at a path of names with slashes between. */
static struct text value_at(struct text object, struct text path) {
    while (object.bytes && path.count) {
        const char *slash = memchr(path.bytes, '/', path.count);
        struct text name = {path.bytes, slash ? (size_t)(slash - path.bytes) : path.count};
        size_t used = name.count + (slash != NULL);
        object = member(object, name);
        path = (struct text){path.bytes + used, path.count - used};
    }
    return object;
}

void response_fields_write(struct buffer *body, struct text whole, const struct text *wanted,
                           size_t count) {
    bool first = true;
    json_write_raw(body, "{");
    for (size_t i = 0; i < count; i++) {
        struct text value = value_at(whole, wanted[i]);
        if (!value.bytes)
            continue;
        json_write_comma(body, &first);
        json_write_string(body, wanted[i]);
        json_write_raw(body, ":");
        buffer_append(body, value.bytes, value.count);
    }
    json_write_raw(body, "}");
}
