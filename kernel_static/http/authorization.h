/* Who may call: with `key=` on the command line, whoever sends it as a bearer token (RFC 6750). */
#pragma once

#include <stdbool.h>

#include "text.h"

/* Whether this Authorization field (bytes null: none) opens authenticated routes. */
bool authorization_valid(struct text field);
