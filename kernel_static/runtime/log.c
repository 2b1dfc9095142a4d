/* Lines of the log: time since start, level, subsystem, text. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

#include "platform.h"

#define LINE_MOST 240

static enum log_level wanted = LOG_INFO;

void log_set_level(enum log_level level) { wanted = level; }

bool log_has(enum log_level level) { return level <= wanted; }

/* snprintf's result as an offset into a line: what did not fit was not written. */
static size_t written(int result, size_t room) {
    if (result < 0)
        return 0;
    return (size_t)result < room ? (size_t)result : room - 1;
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if (!log_has(level))
        return;
    char line[LINE_MOST + 1]; /* its last byte is the line's end */
    uint64_t microseconds = clock_nanoseconds() / 1000;
    size_t used = written(snprintf(line, LINE_MOST,
                                   "[%4u.%06u] %-5s %s: ", (unsigned)(microseconds / 1000000),
                                   (unsigned)(microseconds % 1000000), names[level], subsystem),
                          LINE_MOST);
    va_list arguments;
    va_start(arguments, format);
    used += written(vsnprintf(line + used, LINE_MOST - used, format, arguments), LINE_MOST - used);
    va_end(arguments);
    line[used++] = '\n';
    console_write(line, used);
}
