/* The words of the command line: `key=value`, separated by spaces. Known keys are a table in
 * runtime/command_line.c; a word that is not known is warned about once, at command_line_start, and
 * ignored. When a key comes twice the last one counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* Reads the words and sets the log level (`log=`). `words` must stay valid for ever. Called once,
 * by main, before anything that asks for a value. */
void command_line_start(const char *words);

/* The value of a known key; bytes null when the word was not given. */
struct text command_line_value(const char *key);

/* A decimal number in [least, most]. Returns `otherwise` when the word was not given, or, with a
 * warning that names the word and the bounds, when it is not such a number. */
uint64_t command_line_number(const char *key, uint64_t least, uint64_t most, uint64_t otherwise);
