/* The console: the first serial line (16550, 115,200 baud) and the VGA text screen show the same
 * bytes. Polled, so that it works in an exception handler. */

#include <stddef.h>
#include <stdint.h>

#include "arch_io.h"
#include "machine.h"

#define SERIAL 0x3f8
#define SERIAL_DATA (SERIAL + 0)
#define SERIAL_INTERRUPTS (SERIAL + 1)
#define SERIAL_FIFO (SERIAL + 2)
#define SERIAL_LINE (SERIAL + 3)
#define SERIAL_MODEM (SERIAL + 4)
#define SERIAL_STATUS (SERIAL + 5)
#define SERIAL_STATUS_EMPTY 0x20
#define SERIAL_TRIES 100000 /* then the byte is dropped: nobody is at the other end */

#define SCREEN ((volatile uint16_t *)0xb8000)
#define SCREEN_COLUMNS 80
#define SCREEN_ROWS 25
#define SCREEN_COLOUR 0x0700
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define CRTC_CURSOR_HIGH 14
#define CRTC_CURSOR_LOW 15

static size_t column, row;

static void serial_start(void) {
    io_out8(SERIAL_INTERRUPTS, 0);
    io_out8(SERIAL_LINE, 0x80); /* divisor latch */
    io_out8(SERIAL_DATA, 1);    /* 115,200 baud */
    io_out8(SERIAL_INTERRUPTS, 0);
    io_out8(SERIAL_LINE, 0x03);  /* 8 bits, no parity, 1 stop bit */
    io_out8(SERIAL_FIFO, 0x07);  /* enable and clear */
    io_out8(SERIAL_MODEM, 0x03); /* ready */
}

static void serial_put(char byte) {
    for (int tries = 0; tries < SERIAL_TRIES; tries++)
        if (io_in8(SERIAL_STATUS) & SERIAL_STATUS_EMPTY) {
            io_out8(SERIAL_DATA, (uint8_t)byte);
            return;
        }
}

static void screen_clear_row(size_t which) {
    for (size_t i = 0; i < SCREEN_COLUMNS; i++)
        SCREEN[which * SCREEN_COLUMNS + i] = SCREEN_COLOUR | ' ';
}

static void screen_new_line(void) {
    column = 0;
    if (row + 1 < SCREEN_ROWS) {
        row++;
        return;
    }
    for (size_t i = 0; i < (SCREEN_ROWS - 1) * SCREEN_COLUMNS; i++)
        SCREEN[i] = SCREEN[i + SCREEN_COLUMNS];
    screen_clear_row(SCREEN_ROWS - 1);
}

static void screen_put(char byte) {
    if (byte == '\n') {
        screen_new_line();
        return;
    }
    if (column == SCREEN_COLUMNS)
        screen_new_line();
    uint8_t shown = byte >= ' ' && byte <= '~' ? (uint8_t)byte : '?';
    SCREEN[row * SCREEN_COLUMNS + column++] = SCREEN_COLOUR | shown;
}

static void screen_move_cursor(void) {
    size_t place = row * SCREEN_COLUMNS + column;
    io_out8(CRTC_INDEX, CRTC_CURSOR_HIGH);
    io_out8(CRTC_DATA, (uint8_t)(place >> 8));
    io_out8(CRTC_INDEX, CRTC_CURSOR_LOW);
    io_out8(CRTC_DATA, (uint8_t)place);
}

void console_start(void) {
    serial_start();
    for (size_t i = 0; i < SCREEN_ROWS; i++)
        screen_clear_row(i);
}

void console_write(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n')
            serial_put('\r');
        serial_put(bytes[i]);
        screen_put(bytes[i]);
    }
    screen_move_cursor();
}
