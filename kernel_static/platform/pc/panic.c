#include "panic.h"

#include <stdarg.h>
#include <stdio.h>

#include "arch.h"

static char text[240];

const char *panic_text(void) { return text; }

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    arch_raise_panic();
}
