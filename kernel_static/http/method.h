/* Request methods by name (RFC 9110 section 9.1). */
#pragma once

#include "route.h"
#include "text.h"

/* The method of this name, or 0: names are case-sensitive. */
enum http_method method_of(struct text name);

const char *method_name(enum http_method method);
