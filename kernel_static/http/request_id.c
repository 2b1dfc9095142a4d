/* 64 random bits for the run, and a number that counts up. */
#include "request_id.h"

#include <string.h>

#include "platform.h"

static char run[16];
static uint32_t number;

static void write_digits(char *to, uint64_t value, size_t digits) {
    for (; digits--; value >>= 4)
        to[digits] = "0123456789abcdef"[value & 15];
}

void request_id_start(void) {
    uint64_t random;
    entropy_fill(&random, sizeof random);
    write_digits(run, random, sizeof run);
}

bool request_id_valid(struct text id) {
    bool valid = id.count && id.count <= REQUEST_ID_MOST;
    for (size_t i = 0; i < id.count && valid; i++) {
        char each = id.bytes[i], small = (char)(each | 0x20);
        valid = (small >= 'a' && small <= 'z') || (each >= '0' && each <= '9') ||
                strchr("-._~:+/=@", each);
    }
    return valid;
}

void request_id_make(char id[REQUEST_ID_SIZE]) {
    memcpy(id, run, sizeof run);
    write_digits(id + sizeof run, number++, REQUEST_ID_SIZE - 1 - sizeof run);
    id[REQUEST_ID_SIZE - 1] = 0;
}
