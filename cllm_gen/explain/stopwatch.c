/* Times one generated kernel inside a shared library that a Python process loads. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS 12
#define ARCH_REQ_XCOMP_PERM 0x1023 /* arch_prctl(2): asks for tile registers */
#define TILE_DATA 18

#define NUMBER 0.5f
/* A kernel's arguments are pointers and sizes, which a call passes alike, and at most one float,
 * which has a register of its own; a function ignores those beyond its own. */
typedef void kernel(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                    uint64_t, uint64_t, uint64_t, uint64_t, float);

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds of one call, in the best of the turns that fit into `budget` seconds (two at least). A
 * turn is `copies` calls; call i gets each argument moved by i times its step, so that what a step
 * moves over is read anew each time. */
double stopwatch(kernel *run, const uint64_t *arguments, const uint64_t *steps, size_t copies,
                 double budget) {
    double begun = seconds(), best = 1e9;
    for (size_t turn = 0; turn < 2 || seconds() - begun < budget; turn++) {
        double start = seconds();
        for (size_t copy = 0; copy < copies; copy++) {
            uint64_t a[ARGUMENTS];
            for (size_t i = 0; i < ARGUMENTS; i++)
                a[i] = arguments[i] + copy * steps[i];
            run(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], NUMBER);
        }
        double took = (seconds() - start) / (double)copies;
        best = took < best ? took : best;
    }
    return best;
}

/* Whether CPUID shows a bit (register 0 to 3: eax to edx) and the system has enabled `state` in
 * XCR0. */
bool cpu_has(uint32_t leaf, uint32_t subleaf, uint32_t number, uint32_t bit, uint64_t state) {
    uint32_t r[4] = {0}, low, high;
    if (!__get_cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3]) || !(r[number] >> bit & 1))
        return false;
    if (!state)
        return true;
    __get_cpuid(1, &r[0], &r[1], &r[2], &r[3]);
    if (!(r[2] >> 27 & 1)) /* OSXSAVE: xgetbv may be used */
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (((uint64_t)high << 32 | low) & state) == state;
}

/* Asks Linux for tile registers; false where it refuses or knows none. */
bool allow_tiles(void) { return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0; }
