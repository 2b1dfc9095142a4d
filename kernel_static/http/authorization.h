/* Who may call: where the appliance has keys (`key=a,b` on the command line, else those of its
 * spec), whoever sends one of them, as a bearer token (RFC 6750) or as x-api-key. */
#pragma once

#include <stdbool.h>

#include "text.h"

/* Ends the run if the command line's keys are none; called once, before the others. */
void authorization_start(void);

/* Whether there are keys; without any, everybody may call. */
bool authorization_needed(void);

/* Whether one of these fields (bytes null: none) has a key. */
bool authorization_valid(struct text authorization, struct text api_key);
