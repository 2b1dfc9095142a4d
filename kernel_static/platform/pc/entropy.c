/* Random numbers: RDRAND where the processor has it, else a sponge over the ChaCha permutation
 * (Bernstein 2008) that has absorbed the jitter of reading the interval timer. */

#include <stddef.h>
#include <string.h>

#include "arch.h"
#include "log.h"
#include "machine.h"
#include "timer.h"

#define STATE_WORDS 16
#define RATE_WORDS 8        /* what goes in and comes out; the other half is never shown */
#define JITTER_SAMPLES 1024 /* at one bit or more each, four times what the state can hold */

static uint32_t state[STATE_WORDS];
static bool from_processor;

static uint32_t rotate(uint32_t value, int count) { return value << count | value >> (32 - count); }

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

static void permute(void) {
    uint32_t *s = state;
    for (int round = 0; round < 20; round += 2) {
        for (int i = 0; i < 4; i++)
            quarter(&s[i], &s[4 + i], &s[8 + i], &s[12 + i]);
        for (int i = 0; i < 4; i++)
            quarter(&s[i], &s[4 + (i + 1) % 4], &s[8 + (i + 2) % 4], &s[12 + (i + 3) % 4]);
    }
}

static void absorb_jitter(void) {
    for (int sample = 0; sample < JITTER_SAMPLES; sample++) {
        unsigned ticks = timer_measure();
        uint64_t now = arch_timestamp();
        state[sample % RATE_WORDS] ^= (uint32_t)now ^ (uint32_t)(now >> 32) ^ ticks << 16;
        if (sample % RATE_WORDS == RATE_WORDS - 1)
            permute();
    }
}

static void start(void) {
    uint64_t probe;
    from_processor = arch_random(&probe);
    if (!from_processor)
        absorb_jitter();
    log_info("entropy", "random numbers come from %s",
             from_processor ? "RDRAND" : "timer jitter: this processor has no RDRAND");
}

static uint64_t next_random(void) {
    static bool started;
    uint64_t value;
    if (!started) {
        started = true;
        start();
    }
    if (from_processor && arch_random(&value))
        return value;
    state[0] ^= (uint32_t)arch_timestamp();
    permute();
    memcpy(&value, state, sizeof value);
    memset(state, 0, sizeof value); /* what was given out cannot be computed backwards */
    return value;
}

void entropy_fill(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        uint64_t value = next_random();
        size_t part = count < sizeof value ? count : sizeof value;
        memcpy(next, &value, part);
        next += part;
        count -= part;
    }
}
