/* The end of a run that cannot go on: why, then a backtrace. */
#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_port.h"
#include "host.h"
#include "panic.h"
#include "platform.h"

#define STDOUT 1

static _Noreturn void end(const char *text) {
    void *frames[32];
    console_write("panic: ", 7);
    console_write(text, strlen(text));
    console_write("\n", 1);
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

void host_catch_faults(void) {
#ifndef __SANITIZE_ADDRESS__      /* which reports faults itself, and better */
    static char alternate[65536]; /* a stack for the report of an overflowed one */
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_sigaction = fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
#else
    (void)fault;
#endif
}
