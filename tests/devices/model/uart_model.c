/* A 16550 at port 3F8h, written from the PC16550D data sheet: banked divisor latches, FIFOs of 16,
 * a transmitter that sends one octet every `slowness` reads of the line status (0: never). */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arch_io.h"

enum { BASE = 0x3f8 };

static uint8_t ier = 0x0f, lcr = 0x80, mcr, scr, divisor[2], fcr;
static uint8_t fifo[16], sent[1 << 16], waiting[64];
static size_t fifo_count, sent_count, waiting_count, waiting_next;
static unsigned slowness = 1, until_next = 1;
static bool present = true;
static char complaint[200];

void uart_model_set(bool is_present, unsigned slow) {
    present = is_present;
    slowness = until_next = slow;
}

void uart_model_arrive(uint8_t byte) { waiting[waiting_count++] = byte; }
const char *uart_model_complaint(void) { return complaint; }
size_t uart_model_sent(uint8_t *out) {
    memcpy(out, sent, sent_count);
    return sent_count;
}
unsigned uart_model_state(unsigned which) {
    const uint8_t state[] = {ier, lcr, mcr, fcr, divisor[0], divisor[1]};
    return state[which];
}

static void send_one(void) {
    if (fifo_count > 0 && slowness > 0 && --until_next == 0) {
        until_next = slowness;
        sent[sent_count++] = fifo[0];
        memmove(fifo, fifo + 1, --fifo_count);
    }
}

uint8_t io_in8(uint16_t port) {
    if (!present) {
        return 0xff;
    }
    switch (port - BASE) {
    case 0:
        return lcr & 0x80 ? divisor[0] : waiting[waiting_next++];
    case 5:
        send_one();
        return (uint8_t)((fifo_count == 0 ? 0x60 : 0) | (waiting_next < waiting_count));
    case 7:
        return scr;
    default:
        return 0;
    }
}

void io_out8(uint16_t port, uint8_t value) {
    switch (port - BASE) {
    case 0:
        if (lcr & 0x80) {
            divisor[0] = value;
        } else if (fifo_count == sizeof fifo) {
            snprintf(complaint, sizeof complaint, "octet %02x written to a full FIFO", value);
        } else {
            fifo[fifo_count++] = value;
        }
        break;
    case 1:
        *(lcr & 0x80 ? &divisor[1] : &ier) = value;
        break;
    case 2:
        fcr = value;
        break;
    case 3:
        lcr = value;
        break;
    case 4:
        mcr = value;
        break;
    case 7:
        scr = value;
        break;
    default:
        snprintf(complaint, sizeof complaint, "write to port %x", port);
    }
}
