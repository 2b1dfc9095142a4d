/* xoshiro256** (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018). */
#include "random.h"

#include <stddef.h>

static uint64_t rotate_left(uint64_t value, unsigned count) {
    return value << count | value >> (64 - count);
}

void random_seed(struct random_state *random, uint64_t seed) {
    for (size_t i = 0; i < 4; i++) { /* splitmix64, as the generator's authors advise */
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        random->word[i] = z ^ z >> 31;
    }
}

float random_uniform(struct random_state *random) {
    uint64_t *s = random->word;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9, shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return (float)(uint32_t)(result >> 40) * 0x1p-24f;
}
