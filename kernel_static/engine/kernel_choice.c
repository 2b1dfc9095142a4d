/* The choice of kernels: by name, or by time. */
#include "kernel_choice.h"

#include <stdio.h>

#include "command_line.h"
#include "forward_pass.h"
#include "log.h"
#include "panic.h"
#include "platform.h"

#define PROBE_ROUNDS 2 /* the first fills caches and has an emulator translate */
#define PROBE_NANOSECONDS                                                                          \
    1000000u /* of calls in a row: a CPU gets ready for wide vectors in up to 0.7 ms, and forgets  \
                it in about as long */
#define PROBE_SLOW_NANOSECONDS 100000u /* for a set that is slower than the best by PROBE_SLOW */
#define PROBE_SLOW 4                   /* more than not being ready for wide vectors costs */
#define PROBE_NEARLY 5                 /* a fifth more than the fastest is nearly as fast */
#define SETS_MAX 32
#define NAMES_BYTES 256

/* What is timed, and on what. */
struct contest {
    const struct kernel_probe *probe;
    const uint8_t *weights;
    float *input, *output;
    uint8_t *quantized;
};

/* The sets by name, for messages. */
static const char *names_of_sets(char names[NAMES_BYTES]) {
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; served_kernel_sets[i] != NULL && used < NAMES_BYTES; i++)
        used += (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%s", i == 0 ? "" : ", ",
                                 served_kernel_sets[i]->instruction_set->name);
    return names;
}

static bool supported(const struct kernel_set *set) { return cpu_supports(set->instruction_set); }

/* What one call takes at least for a probe of so many rows, quantisation (each set has its own
 * layout) not counted, where the best known takes `best`. */
static uint64_t time_set(const struct contest *contest, const struct kernel_set *set, size_t rows,
                         uint64_t best) {
    const struct kernel_probe *probe = contest->probe;
    matmul_kernel *matmul = set->kernels[probe->matmul].matmul;
    for (size_t i = 0; i < rows * probe->inputs; i++)
        contest->input[i] = (float)(int)(i % 17) - 8.0f;
    set->kernels[probe->quantize].quantize(rows, contest->input, contest->quantized);
    uint64_t begun = clock_nanoseconds(), start = begun, least = UINT64_MAX, passed;
    do {
        matmul(rows, 0, probe->tiles, contest->quantized, contest->weights, contest->output);
        uint64_t now = clock_nanoseconds();
        least = now - start < least ? now - start : least;
        start = now;
        passed = now - begun;
    } while (passed < PROBE_SLOW_NANOSECONDS ||
             (passed < PROBE_NANOSECONDS && least / PROBE_SLOW < best));
    return least;
}

/* The supported set for so many rows; null if there is none. It is the fastest, but a more capable
 * one that is nearly as fast goes before it: what is timed here is a part of what a set does. The
 * sets take turns, so that a moment in which the machine is slow does not count against one. */
static const struct kernel_set *fastest(const struct contest *contest, size_t rows) {
    uint64_t least[SETS_MAX], best = UINT64_MAX;
    size_t count = 0;
    for (; served_kernel_sets[count] != NULL; count++) {
        kernel_assert(count < SETS_MAX);
        least[count] = UINT64_MAX;
    }
    for (size_t round = 0; round < PROBE_ROUNDS; round++) {
        for (size_t i = count; i-- > 0;) {
            if (supported(served_kernel_sets[i])) {
                uint64_t taken = time_set(contest, served_kernel_sets[i], rows, best);
                least[i] = taken < least[i] ? taken : least[i];
                best = taken < best ? taken : best;
            }
        }
    }
    for (size_t i = count; i-- > 0;)
        if (least[i] < UINT64_MAX && least[i] - least[i] / PROBE_NEARLY <= best)
            return served_kernel_sets[i];
    return NULL;
}

/* The most capable set that this CPU has. */
static const struct kernel_set *last_supported(void) {
    const struct kernel_set *found = NULL;
    for (size_t i = 0; served_kernel_sets[i] != NULL; i++)
        if (supported(served_kernel_sets[i]))
            found = served_kernel_sets[i];
    return found;
}

static bool choose_by_time(struct kernel_choice *choice, const struct language_model *model,
                           const uint8_t *weights, void *activations) {
    const struct kernel_probe *probe = &model->pass->probe;
    const struct kernel_set *most = last_supported();
    *choice = (struct kernel_choice){most, most, 1};
    if (most == NULL || probe->matmul == 0)
        return most != NULL;
    struct contest contest = {.probe = probe, .weights = weights + probe->weights};
    contest.input = activations;
    contest.output = contest.input + probe->rows * probe->inputs;
    contest.quantized = (uint8_t *)(contest.output + probe->rows * probe->outputs);
    size_t scratch =
        probe->rows * (sizeof(float) * (probe->inputs + probe->outputs) + probe->row_bytes);
    kernel_assert(scratch <= model->activation_bytes);
    choice->few = fastest(&contest, 1);
    choice->many = fastest(&contest, probe->rows);
    choice->many_from = 2;
    while (choice->many != choice->few && choice->many_from < probe->rows &&
           fastest(&contest, choice->many_from) != choice->many)
        choice->many_from *= 2;
    return true;
}

static void choose_by_name(struct kernel_choice *choice, struct text name) {
    char names[NAMES_BYTES];
    for (size_t i = 0; served_kernel_sets[i] != NULL; i++) {
        const struct kernel_set *set = served_kernel_sets[i];
        const char *known = set->instruction_set->name;
        if (text_is(name, known)) {
            *choice = (struct kernel_choice){set, set, 1};
            if (!supported(set))
                command_line_refuse("isa", "a set that this CPU has");
            return;
        }
    }
    command_line_refuse("isa", "one of %s", names_of_sets(names));
}

bool kernel_choice_make(struct kernel_choice *choice, const struct language_model *model,
                        const uint8_t *weights, void *activations) {
    char names[NAMES_BYTES];
    struct text name = command_line_value("isa");
    if (name.bytes != NULL) {
        choose_by_name(choice, name);
    } else if (!choose_by_time(choice, model, weights, activations)) {
        log_error("forward", "this CPU has none of the image's instruction sets (%s)",
                  names_of_sets(names));
        return false;
    }
    if (choice->few == choice->many)
        log_info("forward", "kernels for %s", choice->few->instruction_set->name);
    else
        log_info("forward", "kernels for %s, from %zu rows up for %s",
                 choice->few->instruction_set->name, choice->many_from,
                 choice->many->instruction_set->name);
    return true;
}

const struct kernel *kernel_choice_for(const struct kernel_choice *choice, size_t rows) {
    return (rows < choice->many_from ? choice->few : choice->many)->kernels;
}
