/* A process without libc: reads records from standard input, writes what the kernel's library
 * makes of them, so that i386 and x86_64 builds can be held against each other.
 *
 *   input   records of 24 bytes: f64 x, u64 a, u64 b
 *   output  per record: exp, log, sqrt, pow(|x|, x/8), sine, cosine as f32; a / b, a % b and their
 *           signed twins as 64 bits; strtod of the text below as f64; 96 bytes of text
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mathematics.h"

#if defined(__i386__)
static long call(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(third)
                     : "memory");
    return result;
}
enum { READ = 3, WRITE = 4, EXIT = 1 };
#else
static long call(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}
enum { READ = 0, WRITE = 1, EXIT = 60 };
#endif

struct input {
    double x;
    uint64_t a, b;
};

struct output {
    float reals[6];
    uint64_t integers[4];
    double read_back;
    char text[96];
};

static void work(const struct input *in, struct output *out) {
    float x = (float)in->x, magnitude = x < 0 ? -x : x;
    out->reals[0] = math_exp(x);
    out->reals[1] = math_log(magnitude);
    out->reals[2] = math_sqrt(magnitude);
    out->reals[3] = magnitude > 0 ? math_pow(magnitude, x / 8) : 0;
    math_sin_cos(in->x, &out->reals[4], &out->reals[5]);
    out->integers[0] = in->a / in->b;
    out->integers[1] = in->a % in->b;
    if ((int64_t)in->a != INT64_MIN || (int64_t)in->b != -1) {
        out->integers[2] = (uint64_t)((int64_t)in->a / (int64_t)in->b);
        out->integers[3] = (uint64_t)((int64_t)in->a % (int64_t)in->b);
    }
    snprintf(out->text, sizeof out->text, "%.17g %llx %lld %zu %5.1f", in->x,
             (unsigned long long)in->a, (long long)in->b, strlen("four"), in->x);
    out->read_back = strtod(out->text, NULL);
}

_Noreturn static void run(void) {
    static struct input in;
    static struct output out;
    for (;;) {
        size_t got = 0;
        while (got < sizeof in) {
            long count = call(READ, 0, (long)((char *)&in + got), (long)(sizeof in - got));
            if (count <= 0)
                break;
            got += (size_t)count;
        }
        if (got < sizeof in)
            break;
        memset(&out, 0, sizeof out);
        work(&in, &out);
        call(WRITE, 1, (long)&out, sizeof out);
    }
    call(EXIT, 0, 0, 0);
    __builtin_unreachable();
}

__attribute__((force_align_arg_pointer)) void _start(void);
void _start(void) { run(); }
