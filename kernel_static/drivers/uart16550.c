/* 16550 UART, polled. Read first: PC16550D data sheet, section 8 (generated/devices/uart16550.md).
 * An octet goes into the transmit FIFO only after LSR.THRE said that all 16 places are free. */
#include "devices/uart16550.h"

#include "uart.h"

#define CLOCK 115200 /* bits per second for a divisor of 1 */
#define FIFO_OCTETS 16
#define DRAIN_READS 200000 /* reads of LSR, about 1 us each; 16 octets take 1.4 ms at 115200 */

bool uart_start(uint16_t port, uint32_t baud) {
    uint16_t divisor = (uint16_t)(CLOCK / baud);
    /* The scratchpad keeps what it is given; an empty port reads as all ones. */
    uart16550_scr_write(port, 0x5a);
    if (uart16550_scr_read(port) != 0x5a)
        return false;
    uint8_t line = uart16550_lcr_wls_set(0, UART16550_LCR_WLS_8);
    uart16550_lcr_write(port, line); /* without DLAB, so that the next write reaches IER */
    uart16550_ier_write(port, 0);
    uart16550_lcr_write(port, uart16550_lcr_dlab_set(line, true));
    uart16550_dll_write(port, (uint8_t)divisor);
    uart16550_dlm_write(port, (uint8_t)(divisor >> 8));
    uart16550_lcr_write(port, line);
    uart16550_fcr_write(port, UART16550_FCR_ENABLE_MASK | UART16550_FCR_CLEAR_RX_MASK |
                                  UART16550_FCR_CLEAR_TX_MASK);
    uart16550_mcr_write(port, UART16550_MCR_DTR_MASK | UART16550_MCR_RTS_MASK);
    return true;
}

void uart_write(uint16_t port, const char *bytes, size_t count) {
    while (count > 0) {
        size_t reads = 0;
        while (!uart16550_lsr_thre_get(uart16550_lsr_read(port)))
            if (++reads == DRAIN_READS)
                return;
        for (size_t i = 0; i < FIFO_OCTETS && count > 0; i++, count--)
            uart16550_thr_write(port, (uint8_t)*bytes++);
    }
}

int uart_read(uint16_t port) {
    return uart16550_lsr_dr_get(uart16550_lsr_read(port)) ? uart16550_rbr_read(port) : -1;
}
