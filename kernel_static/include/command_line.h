/* The words of the command line: `key=value`, separated by spaces. Known keys are a table in
 * runtime/command_line.c. What is not understood ends the run before anything is served: an
 * appliance that ignored a misspelt `key=` would be open to all. When a key comes twice the last
 * one counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

/* Reads the words and sets the log level (`log=`). `words` must stay valid for ever. Called once,
 * by main, before anything that asks for a value. */
void command_line_start(const char *words);

/* The value of a known key; bytes null when the word was not given. */
struct text command_line_value(const char *key);

/* A decimal number in [least, most]; `otherwise` when the word was not given. */
uint64_t command_line_number(const char *key, uint64_t least, uint64_t most, uint64_t otherwise);

/* Ends the run with REFUSED_EXIT_CODE, having said that the value of this key, which was given, is
 * not what is expected. */
_Noreturn void command_line_refuse(const char *key, const char *expected, ...)
    __attribute__((format(printf, 2, 3)));
