/* runtime/workers.c with one thread for every worker, however few CPUs there are. Arguments:
 * workers, rounds. Every piece of work is a chain of sums in which each worker needs what all
 * others wrote in the round before; between pieces the workers are sometimes left to fall asleep.
 * Prints the sum. Then things are shared out, with a barrier after every third sharing, and all
 * workers but one slow at times: prints how many were not taken exactly once. */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "platform.h"
#include "processors.h"
#include "workers.h"

static size_t wanted, rounds;
static void (*run)(size_t index);
static uint64_t cells[2][WORKERS_MAX];

size_t processors_available(void) { return wanted; }

static void *enter(void *index) {
    run((size_t)index);
    return NULL;
}

size_t processors_start(size_t most, void (*loop)(size_t index)) {
    run = loop;
    for (size_t index = 1; index <= most; index++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, enter, (void *)index))
            return index - 1;
    }
    return most;
}

void processors_sleep(const uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

void processors_wake(const uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void console_write(const char *bytes, size_t count) { fwrite(bytes, 1, count, stdout); }

uint64_t clock_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

_Noreturn void panic(const char *format, ...) {
    puts(format);
    exit(101);
}

static void chain(size_t worker, const void *context) {
    size_t count = *(const size_t *)context;
    for (size_t round = 0; round < rounds; round++) {
        uint64_t sum = worker + 1;
        for (size_t other = 0; other < count; other++)
            sum += cells[round % 2][other] * (other + 1);
        cells[(round + 1) % 2][worker] = sum % 1000003;
        workers_barrier();
    }
}

#define THINGS 97
#define SHARINGS 60

static unsigned taken[SHARINGS][THINGS];

/* How many things a sharing has: none, fewer than workers, and more. */
static size_t things(size_t sharing) { return sharing * 31 % (THINGS + 1) / (1 + sharing % 4 * 8); }

static void share_out(size_t worker, const void *context) {
    (void)context;
    for (size_t sharing = 0; sharing < SHARINGS; sharing++) {
        struct workers_share share = workers_share(worker, sharing, things(sharing));
        while (workers_take(&share)) {
            for (size_t thing = share.first; thing < share.end; thing++)
                taken[sharing][thing]++;
            if ((worker + sharing) % 8 == 1)
                usleep(200);
        }
        if (sharing % 3 == 2)
            workers_barrier();
    }
}

static size_t wrongly_taken(unsigned times) {
    size_t wrong = 0;
    for (size_t sharing = 0; sharing < SHARINGS; sharing++)
        for (size_t thing = 0; thing < THINGS; thing++)
            wrong += taken[sharing][thing] != (thing < things(sharing) ? times : 0);
    return wrong;
}

int main(int argument_count, char **arguments) {
    if (argument_count != 3)
        return 2;
    wanted = strtoul(arguments[1], NULL, 0);
    rounds = strtoul(arguments[2], NULL, 0);
    workers_start(0);
    size_t count = workers_count();
    for (int piece = 0; piece < 20; piece++) {
        workers_run(chain, &count);
        if (piece % 5 == 0)
            usleep(5000);
    }
    uint64_t sum = 0;
    for (size_t worker = 0; worker < count; worker++)
        sum += cells[rounds % 2][worker];
    printf("sum %llu\n", (unsigned long long)sum);
    for (int piece = 0; piece < 20; piece++)
        workers_run(share_out, NULL);
    printf("wrong %zu\n", wrongly_taken(20));
    return 0;
}
