"""The serial port of a PC: a 16550 with its FIFOs at I/O port 3F8h."""

from cllm_gen.spec.device import Device, Driver, Registers

uart16550 = Device(
    name="uart16550",
    title="16550 universal asynchronous receiver/transmitter",
    source="National Semiconductor PC16550D data sheet, June 1995, section 8",
    driver=Driver("uart16550", "console"),
    parts=[
        Registers(
            bus="ports",
            width=8,
            text="""
            RBR (0; R; when LCR.DLAB = 0)       -- Receiver Buffer, 8.0
            THR (0; W; when LCR.DLAB = 0)       -- Transmitter Holding, 8.0
            DLL (0; R/W; when LCR.DLAB = 1)     -- Divisor Latch, low octet, 8.3
            DLM (1; R/W; when LCR.DLAB = 1)     -- Divisor Latch, high octet, 8.3
            IER (1; R/W; when LCR.DLAB = 0)     -- Interrupt Enable, 8.7
                ERBFI     0      0b             -- Data received.
                ETBEI     1      0b             -- Transmitter holding register empty.
                ELSI      2      0b             -- Line status.
                EDSSI     3      0b             -- Modem status.
            IIR (2; R)                          -- Interrupt Identification, 8.6
                NONE      0      1b             -- No interrupt is pending.
                ID        3:1    000b
                    011b = Line status
                    010b = Data available
                    110b = Time-out
                    001b = Transmitter empty
                    000b = Modem status
                FIFO      7:6    00b            -- 11b when the FIFOs are on.
            FCR (2; W)                          -- FIFO Control, 8.5
                ENABLE    0      0b             -- Turns both FIFOs on.
                CLEAR_RX  1      0b             -- Empties the receive FIFO.
                CLEAR_TX  2      0b             -- Empties the transmit FIFO.
                TRIGGER   7:6    00b            -- Octets received before an interrupt.
                    00b = 1
                    01b = 4
                    10b = 8
                    11b = 14
            LCR (3; R/W)                        -- Line Control, 8.1
                WLS       1:0    00b            -- Data bits.
                    00b = 5
                    01b = 6
                    10b = 7
                    11b = 8
                STB       2      0b             -- Two stop bits.
                PEN       3      0b             -- Parity.
                EPS       4      0b             -- Even parity.
                BREAK     6      0b             -- Holds the line at zero.
                DLAB      7      0b             -- Shows the divisor latches.
            MCR (4; R/W)                        -- Modem Control, 8.8
                DTR       0      0b             -- Data terminal ready.
                RTS       1      0b             -- Request to send.
                OUT2      3      0b             -- On a PC: lets interrupts out.
                LOOP      4      0b             -- Loopback.
            LSR (5; R)                          -- Line Status, 8.4
                DR        0      0b             -- An octet waits.
                OE        1      0b             -- Overrun: octets were lost.
                PE        2      0b             -- Parity error.
                FE        3      0b             -- Framing error.
                BI        4      0b             -- Break.
                THRE      5      1b             -- The transmit FIFO is empty.
                TEMT      6      1b             -- Nothing is being sent either.
                FIFO_ERR  7      0b             -- An octet in the FIFO is marked bad.
            MSR (6; R)                          -- Modem Status, 8.9
                CTS       4      X              -- Clear to send.
                DSR       5      X              -- Data set ready.
                RI        6      X              -- Ring.
                DCD       7      X              -- Carrier.
            SCR (7; R/W)                        -- Scratchpad, 8.10: holds what is written
            """,
        ),
    ],
)
