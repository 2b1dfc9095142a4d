/* Times one generated kernel inside a shared library that a Python process loads. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define ARGUMENTS 12

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
