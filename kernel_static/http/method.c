/* The names, in the order of the methods' bits. */
#include "method.h"

#include "grammar.h"

static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"};

#define METHODS (sizeof names / sizeof names[0]) /* name i is the method of bit i */

enum http_method method_of(struct text name) {
    for (unsigned i = 0; i < METHODS; i++)
        if (text_is(name, names[i]))
            return (enum http_method)(1 << i);
    return 0;
}

const char *method_name(enum http_method method) { return names[__builtin_ctz(method)]; }
