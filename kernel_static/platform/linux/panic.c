#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_port.h"
#include "panic.h"
#include "platform.h"

void panic(const char *format, ...) {
    char text[256];
    void *frames[32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    console_write("panic: ", 7);
    console_write(text, strlen(text));
    console_write("\n", 1);
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDOUT_FILENO);
    _Exit(PANIC_EXIT_CODE);
}
