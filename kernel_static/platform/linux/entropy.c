/* Random numbers are the host's. */
#include <errno.h>
#include <sys/random.h>

#include "panic.h"
#include "platform.h"

void entropy_fill(void *bytes, size_t count) {
    uint8_t *at = bytes;
    while (count) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0 && errno != EINTR)
            panic("entropy: getrandom failed with error %d", errno);
        if (got > 0) {
            at += got;
            count -= (size_t)got;
        }
    }
}
