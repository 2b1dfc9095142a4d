/* Prints what runtime/command_line.c makes of the words in argv[1]; argv[2] names a key to print
 * and, with argv[3..5], bounds and default of a number. */
#include <stdio.h>
#include <stdlib.h>

#include "command_line.h"
#include "log.h"
#include "platform.h"

void console_write(const char *bytes, size_t count) { fwrite(bytes, 1, count, stdout); }
uint64_t clock_nanoseconds(void) { return 1234567000; }
void platform_exit(int code) { exit(code); }

int main(int count, char **arguments) {
    command_line_start(arguments[1]);
    struct text value = command_line_value(arguments[2]);
    printf("value=%s%.*s\n", value.bytes ? "" : "(none)", (int)value.count,
           value.bytes ? value.bytes : "");
    if (count == 6)
        printf("number=%llu\n",
               (unsigned long long)command_line_number(
                   arguments[2], strtoull(arguments[3], NULL, 10), strtoull(arguments[4], NULL, 10),
                   strtoull(arguments[5], NULL, 10)));
    log_info("test", "an info line");
    log_debug("test", "a debug line");
}
