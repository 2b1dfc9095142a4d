/* The process: arguments, signals, exit. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "platform.h"

static int argument_count;
static char **arguments;
static char *command_line;
static volatile sig_atomic_t stop_requested;

void host_refuse(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("cllm: ", stderr);
    vfprintf(stderr, format, list);
    fputs("\n", stderr);
    va_end(list);
    exit(2);
}

struct text host_argument(const char *key) {
    struct text value = {0};
    size_t count = strlen(key);
    for (int i = 1; i < argument_count; i++)
        if (!strncmp(arguments[i], key, count) && arguments[i][count] == '=')
            value = (struct text){arguments[i] + count + 1, strlen(arguments[i] + count + 1)};
    return value;
}

static void join_arguments(void) {
    size_t size = 1;
    for (int i = 1; i < argument_count; i++)
        size += strlen(arguments[i]) + 1;
    char *at = command_line = calloc(1, size);
    if (!command_line)
        host_refuse("no memory for the command line");
    for (int i = 1; i < argument_count; i++)
        at += sprintf(at, i == 1 ? "%s" : " %s", arguments[i]);
}

static void request_stop(int signal) {
    (void)signal;
    if (stop_requested)
        _Exit(130); /* asked twice: the main loop does not come round */
    stop_requested = 1;
}

const char *platform_command_line(void) { return command_line; }

bool platform_stop_requested(void) { return stop_requested; }

void platform_exit(int code) { exit(code); }

void platform_idle(uint64_t deadline) { host_wait(deadline); }

int main(int count, char **values) {
    argument_count = count;
    arguments = values;
    join_arguments();
    clock_nanoseconds(); /* the first call sets what later ones, on any thread, read */
    struct sigaction stop = {.sa_handler = request_stop}; /* no SA_RESTART: poll returns */
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    host_catch_faults(0);
    host_enable_vectors();
    kernel_main();
}
