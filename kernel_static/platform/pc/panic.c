/* A panic is an exception that the kernel raises itself: arch's handler prints it like any other.
 */
#include "panic.h"

#include <stdarg.h>
#include <stdio.h>

#include "arch.h"

#define TEXT_MOST 240

static char texts[ARCH_PROCESSORS_MAX][TEXT_MOST];

const char *panic_text(void) { return texts[arch_processor()]; }

_Noreturn void panic(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(texts[arch_processor()], TEXT_MOST, format, arguments);
    va_end(arguments);
    arch_raise_panic();
}
