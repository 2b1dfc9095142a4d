/* The host's clocks: time since the first question, and the date. */
#include <time.h>

#include "platform.h"

#define SECOND UINT64_C(1000000000)

static uint64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

uint64_t clock_nanoseconds(void) {
    static uint64_t start;
    uint64_t now = read_clock(CLOCK_MONOTONIC);
    if (!start)
        start = now;
    return now - start;
}

uint64_t clock_unix_seconds(void) { return read_clock(CLOCK_REALTIME) / SECOND; }
