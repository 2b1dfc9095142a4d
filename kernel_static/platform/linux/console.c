/* The console is the process's standard output. */
#include <errno.h>
#include <unistd.h>

#include "platform.h"

void console_write(const char *bytes, size_t count) {
    while (count) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno != EINTR)
            return; /* nobody listens; the console never fails */
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
}
