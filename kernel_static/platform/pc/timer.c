/* The interval timer (Intel 8254 data sheet; the gate and speaker bits of port 0x61 belong to the
 * PC's chipset). */

#include "timer.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch_io.h"
#include "irq.h"

#define CHANNEL0 0x40
#define CHANNEL2 0x42
#define CONTROL 0x43
#define CONTROL_CHANNEL0_ONCE 0x30 /* both bytes, mode 0: interrupt on terminal count */
#define CONTROL_CHANNEL2_ONCE 0xb0
#define CONTROL_CHANNEL2_LATCH 0x80
#define GATE 0x61
#define GATE_CHANNEL2 0x01
#define GATE_SPEAKER 0x02
#define WAKE_LINE 0
#define COUNT_MOST 0xffff

void timer_measure_start(void) {
    io_out8(GATE, (uint8_t)((io_in8(GATE) & ~GATE_SPEAKER) | GATE_CHANNEL2));
    io_out8(CONTROL, CONTROL_CHANNEL2_ONCE);
    io_out8(CHANNEL2, 0xff);
    io_out8(CHANNEL2, 0xff);
}

unsigned timer_measure(void) {
    io_out8(CONTROL, CONTROL_CHANNEL2_LATCH);
    unsigned low = io_in8(CHANNEL2);
    return COUNT_MOST - (low | (unsigned)io_in8(CHANNEL2) << 8);
}

/* The count stands still after its interrupt, so there is nothing to acknowledge. */
static void acknowledge(void *context) { (void)context; }

void timer_arm(uint64_t nanoseconds) {
    static bool attached;
    if (!attached) {
        irq_attach(WAKE_LINE, acknowledge, NULL);
        attached = true;
    }
    uint64_t ticks = COUNT_MOST;
    if (nanoseconds < UINT64_C(50000000))
        ticks = nanoseconds * TIMER_HERTZ / 1000000000 + 1;
    io_out8(CONTROL, CONTROL_CHANNEL0_ONCE);
    io_out8(CHANNEL0, (uint8_t)ticks);
    io_out8(CHANNEL0, (uint8_t)(ticks >> 8));
}
