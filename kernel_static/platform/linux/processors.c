/* CPUs of a hosted process: one thread on each, the main thread on the first. */
#define _GNU_SOURCE
#include "processors.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "log.h"
#include "workers.h"

struct start {
    void (*run)(size_t index);
    size_t index;
};

static cpu_set_t allowed; /* before any thread was bound to one of them */

size_t processors_available(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return 1;
    return (size_t)CPU_COUNT(&allowed);
}

/* Binds the calling thread to the CPU that is number `index` of the allowed ones; a host that
 * refuses costs time only. */
static void bind(size_t index) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && index-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
}

static void *enter(void *context) {
    const struct start *start = context;
    host_catch_faults(start->index);
    bind(start->index);
    start->run(start->index);
    return NULL;
}

size_t processors_start(size_t most, void (*run)(size_t index)) {
    static struct start starts[WORKERS_MAX];
    size_t started = 0;
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV); /* what a fault of the processor raises is for the thread itself */
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* SIGINT must reach the thread that idles */
    for (size_t index = 1; index <= most && index < WORKERS_MAX; index++) {
        pthread_t thread;
        starts[index] = (struct start){run, index};
        int error = pthread_create(&thread, NULL, enter, &starts[index]);
        if (error) {
            log_warn("smp", "the host gives no thread %zu: %s", index, strerror(error));
            break;
        }
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        bind(0);
    return started;
}

void processors_sleep(const uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

void processors_wake(const uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
