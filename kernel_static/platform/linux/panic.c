/* The end of a run that cannot go on: why, then a backtrace of the thread that ended it. */
#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_port.h"
#include "host.h"
#include "panic.h"
#include "platform.h"

#define STDOUT 1
#define FAULT_STACK 65536

static _Thread_local size_t thread_number;
static _Thread_local bool ending;
static bool ended;

static _Noreturn void end(const char *text) {
    void *frames[32];
    char line[320];
    if (ending)
        _Exit(PANIC_EXIT_CODE); /* a fault in this report */
    ending = true;
    if (__atomic_exchange_n(&ended, true, __ATOMIC_SEQ_CST))
        for (;;) /* another thread reports */
            pause();
    int length = snprintf(line, sizeof line, "panic on CPU %zu: %s\n", thread_number, text);
    console_write(line, (size_t)length);
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDOUT);
    _Exit(PANIC_EXIT_CODE);
}

void panic(const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    end(text);
}

static void fault(int number, siginfo_t *information, void *context) {
    char text[96];
    (void)context;
    snprintf(text, sizeof text, "signal %d (%s) at address %p", number, strsignal(number),
             information->si_addr);
    end(text);
}

void host_catch_faults(size_t number) {
    thread_number = number;
#ifndef __SANITIZE_ADDRESS__ /* which reports faults itself, and better */
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    /* for the report of an overflowed stack */
    stack_t stack = {.ss_sp = malloc(FAULT_STACK), .ss_size = FAULT_STACK};
    if (!stack.ss_sp)
        host_refuse("no memory for the stack of fault reports");
    struct sigaction action = {.sa_sigaction = fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
#else
    (void)fault;
#endif
}
