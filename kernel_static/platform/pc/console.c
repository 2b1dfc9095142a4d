/* The console: the first serial line and the VGA text screen show the same bytes. Polled, so that
 * it works in an exception handler. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arch_io.h"
#include "devices/uart16550.h"
#include "machine.h"
#include "uart.h"

#define BAUD 115200
#define DRAIN_READS 200000 /* about 1 us each */

#define SCREEN ((volatile uint16_t *)0xb8000)
#define SCREEN_COLUMNS ((size_t)80)
#define SCREEN_ROWS ((size_t)25)
#define SCREEN_COLOUR 0x0700
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define CRTC_CURSOR_HIGH 14
#define CRTC_CURSOR_LOW 15

static bool has_serial, has_screen;
static size_t column, row;

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

/* A machine without a VGA adapter has no memory there. */
static bool screen_start(void) {
    SCREEN[0] = SCREEN_COLOUR | ' ';
    if (SCREEN[0] != (SCREEN_COLOUR | ' '))
        return false;
    for (size_t i = 0; i < SCREEN_ROWS; i++)
        screen_clear_row(i);
    return true;
}

void console_start(void) {
    has_serial = uart_start(UART_COM1, BAUD);
    has_screen = screen_start();
}

static void serial_write(const char *bytes, size_t count) {
    for (size_t i = 0; i < count;) {
        const char *line_end = memchr(bytes + i, '\n', count - i);
        size_t part = line_end ? (size_t)(line_end - (bytes + i)) : count - i;
        uart_write(UART_COM1, bytes + i, part);
        i += part;
        if (line_end) {
            uart_write(UART_COM1, "\r\n", 2);
            i++;
        }
    }
}

void console_write(const char *bytes, size_t count) {
    if (has_serial)
        serial_write(bytes, count);
    if (!has_screen)
        return;
    for (size_t i = 0; i < count; i++)
        screen_put(bytes[i]);
    screen_move_cursor();
}

void console_drain(void) {
    for (int reads = 0; has_serial && reads < DRAIN_READS; reads++)
        if (uart16550_lsr_temt_get(uart16550_lsr_read(UART_COM1)))
            return;
}
