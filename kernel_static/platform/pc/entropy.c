/* Random numbers: a generator that is seeded from RDRAND, where the processor has it, else from the
 * jitter of reading the interval timer. */

#include "arch.h"
#include "generator.h"
#include "log.h"
#include "machine.h"
#include "timer.h"

#define SEED_WORDS (CHACHA20_KEY_BYTES / sizeof(uint32_t))
#define JITTER_SEEDS                                                                               \
    128 /* 1,024 words, each worth a bit or more: four times what a key can hold                   \
         */
#define RESEED_NANOSECONDS UINT64_C(60000000000)

static struct generator generator;

static bool seed_from_processor(void) {
    uint64_t seed[CHACHA20_KEY_BYTES / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof seed / sizeof seed[0]; i++)
        if (!arch_random(&seed[i]))
            return false;
    generator_seed(&generator, (const uint8_t *)seed);
    return true;
}

static void seed_from_jitter(void) {
    uint32_t seed[SEED_WORDS];
    for (int seeds = 0; seeds < JITTER_SEEDS; seeds++) {
        for (size_t i = 0; i < SEED_WORDS; i++) {
            unsigned ticks = timer_measure();
            uint64_t now = arch_timestamp();
            seed[i] = (uint32_t)now ^ (uint32_t)(now >> 32) ^ ticks << 16;
        }
        generator_seed(&generator, (const uint8_t *)seed);
    }
}

void entropy_fill(void *bytes, size_t count) {
    static uint64_t seed_at; /* 0: there was none yet */
    uint64_t now = clock_nanoseconds();
    if (now >= seed_at) {
        bool from_processor = seed_from_processor();
        if (!from_processor)
            seed_from_jitter();
        if (!seed_at)
            log_info("entropy", "random numbers are seeded from %s",
                     from_processor ? "RDRAND" : "timer jitter: this processor has no RDRAND");
        seed_at = now + RESEED_NANOSECONDS;
    }
    generator_fill(&generator, bytes, count);
}
