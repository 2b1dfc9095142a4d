/* Time: the processor's time stamp counter, its rate measured against the interval timer. */

#include "arch.h"
#include "arch_io.h"
#include "machine.h"
#include "timer.h"

#define CALIBRATION_TICKS (TIMER_HERTZ / 200) /* 5 ms */
#define SAMPLES 16

static uint64_t first_timestamp, unix_seconds_at_start;
static uint64_t nanoseconds_per_cycle; /* 32.32 fixed point */
static unsigned megahertz;

/* One reading of both counters: the timer's was taken between two time stamps `width` apart. */
struct reading {
    uint64_t timestamp;
    uint64_t width;
    unsigned ticks; /* since timer_measure_start */
};

/* The sharpest of several readings: an emulator may be held up for milliseconds in the middle of
 * one, and then its width shows it. */
static struct reading read_both(void) {
    struct reading best = {.width = UINT64_MAX};
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t before = arch_timestamp();
        unsigned ticks = timer_measure();
        uint64_t after = arch_timestamp();
        if (after - before < best.width)
            best = (struct reading){before + (after - before) / 2, after - before, ticks};
    }
    return best;
}

void clock_start(void) {
    first_timestamp = arch_timestamp();
    timer_measure_start();
    struct reading from = read_both();
    while (timer_measure() - from.ticks < CALIBRATION_TICKS)
        ;
    struct reading to = read_both();
    uint64_t cycles = to.timestamp - from.timestamp;
    uint64_t nanoseconds = (uint64_t)(to.ticks - from.ticks) * 1000000000 / TIMER_HERTZ;
    nanoseconds_per_cycle = (nanoseconds << 32) / cycles;
    unix_seconds_at_start = cmos_unix_seconds();
    megahertz = (unsigned)(cycles * 1000 / nanoseconds);
}

unsigned clock_megahertz(void) { return megahertz; }

/* 96-bit product of the cycles and the rate, without its fraction. */
uint64_t clock_nanoseconds(void) {
    uint64_t cycles = arch_timestamp() - first_timestamp;
    uint64_t high = (cycles >> 32) * nanoseconds_per_cycle;
    uint64_t low = (cycles & 0xffffffff) * (nanoseconds_per_cycle & 0xffffffff);
    uint64_t middle = (cycles & 0xffffffff) * (nanoseconds_per_cycle >> 32);
    return high + middle + (low >> 32);
}

uint64_t clock_unix_seconds(void) {
    return unix_seconds_at_start + clock_nanoseconds() / 1000000000;
}

void platform_idle(uint64_t deadline) {
    uint64_t now = clock_nanoseconds();
    if (deadline <= now)
        return;
    timer_arm(deadline - now);
    arch_wait_for_interrupt();
}
