/* A serial port with a 16550, polled. Implemented by drivers/uart16550.c; used by the console of
 * platform/pc. Nothing here logs or allocates, so exception handlers may call it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_COM1 0x3f8 /* where a PC has its first port */

/* Sets 8 data bits, no parity, one stop bit, at `baud` bits per second (115200 divided by a whole
 * number), FIFOs on, interrupts off. False if nothing at `port` behaves like a 16550. */
bool uart_start(uint16_t port, uint32_t baud);

/* Sends bytes, waiting while the transmit FIFO is full; a port that never drains costs a bounded
 * wait and the rest of the bytes. */
void uart_write(uint16_t port, const char *bytes, size_t count);

/* The next received byte, or -1 if none waits. */
int uart_read(uint16_t port);
