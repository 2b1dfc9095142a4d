"""Intel's 8254x family of Ethernet controllers as a driver without interrupt moderation, offloads,
VLANs or wake-up needs it: QEMU, VMware and VirtualBox all offer one. Section numbers are those of
the PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual. The 82574L is a later
chip (82574 GbE Controller Family Datasheet, chapter 10) that keeps these registers and the legacy
descriptors, except that EERD has DONE in bit 1 and ADDR in bits 15:2."""

from cllm_gen.spec.device import Device, Driver, PciId, Record, Registers

e1000 = Device(
    name="e1000",
    title="Intel 8254x Gigabit Ethernet controller",
    source="Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, "
    "317453-006, revision 4.0; ids: table 5-1",
    driver=Driver("e1000", "network"),
    emulated=(
        "e1000e",  # first, since it takes frames at once: the others hold them back for a second
        "e1000",
        "e1000-82545em",
        "e1000-82544gc",
    ),
    ids=[
        PciId(0x8086, 0x100E, "82540EM", "QEMU's e1000; VirtualBox's MT Desktop"),
        PciId(0x8086, 0x100F, "82545EM", "VMware's e1000; VirtualBox's MT Server"),
        PciId(0x8086, 0x100C, "82544GC", "QEMU's e1000-82544gc"),
        PciId(0x8086, 0x1004, "82543GC", "VirtualBox's T Server; has no EERD"),
        PciId(0x8086, 0x10D3, "82574L", "QEMU's and VMware's e1000e; EERD differs"),
    ],
    parts=[
        Registers(
            bus="memory",
            title="Control and status",
            text="""
            CTRL (00000h; R/W)                  -- Device Control, 13.4.1
                FD        0      1b             -- Full duplex.
                LRST      3      1b             -- Link reset; reserved where there is a PHY inside.
                ASDE      5      0b             -- Detect the speed from the PHY automatically.
                SLU       6      0b             -- Set link up: lets the MAC talk to the PHY.
                ILOS      7      0b             -- Invert loss of signal.
                SPEED     9:8    10b            -- Link speed when FRCSPD is set.
                    00b = 10 Mb/s (10)
                    01b = 100 Mb/s (100)
                    10b = 1000 Mb/s (1000)
                FRCSPD    11     1b             -- Take the speed from SPEED.
                FRCDPLX   12     0b             -- Take the duplex mode from FD.
                RST       26     0b             -- Resets the device; clears itself after a microsecond.
                RFCE      27     0b             -- Obey received pause frames.
                TFCE      28     0b             -- Send pause frames.
                VME       30     0b             -- Strip and insert VLAN tags.
                PHY_RST   31     0b             -- Holds the PHY in reset while set.
            STATUS (00008h; R)                  -- Device Status, 13.4.2
                FD        0      X              -- Full duplex.
                LU        1      X              -- Link up.
                TXOFF     4      X              -- Paused by the link partner.
                TBIMODE   5      X              -- Fibre, no PHY inside.
                SPEED     7:6    X
                    00b = 10 Mb/s (10)
                    01b = 100 Mb/s (100)
                    10b = 1000 Mb/s (1000)
                ASDV      9:8    X              -- Speed found by auto-detection.
                PCI66     11     X              -- On a 66 MHz bus.
                BUS64     12     X              -- On a 64-bit bus.
            EECD (00010h; R/W)                  -- EEPROM Control and Data, 13.4.3
                SK        0      0b             -- Clock to the EEPROM.
                CS        1      0b             -- Chip select.
                DI        2      0b             -- Data to the EEPROM.
                DO        3      X     R        -- Data from the EEPROM.
                EE_REQ    6      0b             -- Ask for direct access.
                EE_GNT    7      0b    R        -- Direct access granted.
                EE_PRES   8      X     R        -- There is an EEPROM.
            EERD (00014h; R/W)                  -- EEPROM Read, 13.4.4
                START     0      0b             -- Reads the word at ADDR.
                DONE      4      0b    R        -- DATA is valid.
                ADDR      15:8   X              -- Word address.
                DATA      31:16  X     R
            FCAL (00028h; R/W)                  -- Flow Control Address Low, 13.4.8
            FCAH (0002Ch; R/W)                  -- Flow Control Address High, 13.4.9
            FCT (00030h; R/W)                   -- Flow Control Type, 13.4.10
            FCTTV (00170h; R/W)                 -- Flow Control Transmit Timer Value, 13.4.12
            ICR (000C0h; RC)                    -- Interrupt Cause Read, 13.4.17: reading acknowledges
                TXDW      0      0b             -- A transmit descriptor was written back.
                TXQE      1      0b             -- The transmit queue is empty.
                LSC       2      0b             -- The link's state changed.
                RXSEQ     3      0b             -- Framing error.
                RXDMT0    4      0b             -- Receive descriptors run low.
                RXO       6      0b             -- Overrun: a frame was missed.
                RXT0      7      0b             -- Frames were received.
                MDAC      9      0b             -- An MDI access completed.
                TXD_LOW   15     0b             -- Transmit descriptors run low.
                SRPD      16     0b             -- A small frame was received.
            ITR (000C4h; R/W)                   -- Interrupt Throttling, 13.4.18
                INTERVAL  15:0   0              -- Least time between interrupts in 256 ns; 0 disables.
            ICS (000C8h; W)                     -- Interrupt Cause Set, 13.4.19: bits as ICR
            IMS (000D0h; R/W)                   -- Interrupt Mask Set, 13.4.20: ones enable, bits as ICR
            IMC (000D8h; W)                     -- Interrupt Mask Clear, 13.4.21: ones disable, bits as ICR
            """,
        ),
        Registers(
            bus="memory",
            title="Receive",
            text="""
            RCTL (00100h; R/W)                  -- Receive Control, 13.4.22
                EN        1      0b             -- Receive.
                SBP       2      0b             -- Store bad packets.
                UPE       3      0b             -- Accept every unicast address.
                MPE       4      0b             -- Accept every multicast address.
                LPE       5      0b             -- Accept frames over 1522 octets.
                LBM       7:6    00b            -- Loopback.
                    00b = None
                    11b = PHY
                RDMTS     9:8    00b            -- RXDMT0 when this part of the ring is left.
                    00b = Half
                    01b = Quarter
                    10b = Eighth
                MO        13:12  00b            -- Which address bits index the multicast table.
                BAM       15     0b             -- Accept broadcasts.
                BSIZE     17:16  00b            -- Octets of a receive buffer (with BSEX clear).
                    00b = 2048
                    01b = 1024
                    10b = 512
                    11b = 256
                VFE       18     0b             -- Filter by VLAN.
                DPF       22     0b             -- Discard pause frames.
                PMCF      23     0b             -- Pass MAC control frames.
                BSEX      25     0b             -- Buffer sizes times 16.
                SECRC     26     0b             -- Strip the frame check sequence.
            RDBAL (02800h; R/W)                 -- Receive Descriptor Base Low, 13.4.25: 16-octet aligned
            RDBAH (02804h; R/W)                 -- Receive Descriptor Base High, 13.4.26
            RDLEN (02808h; R/W; reset 0)        -- Receive Descriptor Length, 13.4.27: octets, multiple of 128
            RDH (02810h; R/W)                   -- Receive Descriptor Head, 13.4.28: where the device writes next
                RDH       15:0   0
            RDT (02818h; R/W)                   -- Receive Descriptor Tail, 13.4.29: one past the last free one
                RDT       15:0   0
            RDTR (02820h; R/W)                  -- Receive Delay Timer, 13.4.30
                DELAY     15:0   0              -- In 1.024 us; 0 interrupts at once.
                FPD       31     0b             -- Flush.
            RADV (0282Ch; R/W)                  -- Receive Interrupt Absolute Delay, 13.4.31
                DELAY     15:0   0
            MTA[128] (05200h + 4*n; R/W)        -- Multicast Table Array, 13.5.1
            RAL[16] (05400h + 8*n; R/W)         -- Receive Address Low, 13.5.2: first octet in bits 7:0
            RAH[16] (05404h + 8*n; R/W)         -- Receive Address High, 13.5.3
                RAH       15:0   X              -- Octets 4 and 5.
                AS        17:16  X              -- Compared with the destination (0).
                AV        31     X              -- The pair is in use.
            """,
        ),
        Registers(
            bus="memory",
            title="Transmit",
            text="""
            TCTL (00400h; R/W)                  -- Transmit Control, 13.4.33
                EN        1      0b             -- Transmit.
                PSP       3      0b             -- Pad short packets.
                CT        11:4   0              -- Attempts before giving up; 0Fh is recommended.
                COLD      21:12  0              -- Collision distance in octets; 40h for full duplex.
                SWXOFF    22     0b             -- Sends a pause frame.
                RTLC      24     0b             -- Retransmit on late collisions.
            TIPG (00410h; R/W)                  -- Transmit Inter-Packet Gap, 13.4.34
                IPGT      9:0    X              -- 10 for copper.
                IPGR1     19:10  X              -- 8.
                IPGR2     29:20  X              -- 6.
            TDBAL (03800h; R/W)                 -- Transmit Descriptor Base Low, 13.4.36: 16-octet aligned
            TDBAH (03804h; R/W)                 -- Transmit Descriptor Base High, 13.4.37
            TDLEN (03808h; R/W; reset 0)        -- Transmit Descriptor Length, 13.4.38: octets, multiple of 128
            TDH (03810h; R/W)                   -- Transmit Descriptor Head, 13.4.39: what the device sends next
                TDH       15:0   0
            TDT (03818h; R/W)                   -- Transmit Descriptor Tail, 13.4.40: one past the last to send
                TDT       15:0   0
            TIDV (03820h; R/W)                  -- Transmit Interrupt Delay Value, 13.4.41
                IDV       15:0   X
            """,
        ),
        Registers(
            bus="memory",
            title="Statistics; each counter sticks at its maximum and is cleared by reading",
            text="""
            CRCERRS (04000h; RC)                -- CRC Errors, 13.7.1
            SYMERRS (04008h; RC)                -- Symbol Errors, 13.7.3
            RXERRC (0400Ch; RC)                 -- Receive Errors, 13.7.4
            MPC (04010h; RC)                    -- Missed Packets, 13.7.5: no room in the device's FIFO
            COLC (04028h; RC)                   -- Collisions, 13.7.10
            RLEC (04040h; RC)                   -- Receive Length Errors, 13.7.15
            GPRC (04074h; RC)                   -- Good Packets Received, 13.7.27
            GPTC (04080h; RC)                   -- Good Packets Transmitted, 13.7.30
            RNBC (040A0h; RC)                   -- Receive No Buffers, 13.7.33: no free descriptor at the time
            RUC (040A4h; RC)                    -- Receive Undersize, 13.7.34
            ROC (040ACh; RC)                    -- Receive Oversize, 13.7.36
            """,
        ),
        Record(
            "rx_descriptor",
            title='Receive descriptor, 3.2.3 ("R": written by the device)',
            text="""
            ADDRESS (0; W; 64 bits)             -- Of the buffer, physical.
            LENGTH (8; R; 16 bits)              -- Octets written to the buffer.
            CHECKSUM (10; R; 16 bits)           -- Ones' complement sum from the packet's start.
            STATUS (12; R/W; 8 bits)            -- 3.2.3.1; the driver clears it before it hands over the buffer.
                DD        0                     -- The device is done with the descriptor.
                EOP       1                     -- The frame ends in this buffer.
                IXSM      2                     -- Ignore the checksum indications.
                VP        3                     -- The frame had a VLAN tag.
                TCPCS     5                     -- TCP checksum was computed.
                IPCS      6                     -- IP checksum was computed.
                PIF       7                     -- Passed only by the inexact filter.
            ERRORS (13; R; 8 bits)              -- 3.2.3.2; valid with DD and EOP.
                CE        0                     -- CRC or alignment error.
                SE        1                     -- Symbol error.
                SEQ       2                     -- Sequence error.
                CXE       4                     -- Carrier extension error.
                TCPE      5                     -- TCP checksum is wrong.
                IPE       6                     -- IP checksum is wrong.
                RXE       7                     -- Receive data error.
            SPECIAL (14; R; 16 bits)            -- VLAN tag.
            """,
        ),
        Record(
            "tx_descriptor",
            title='Legacy transmit descriptor, 3.3.3 ("R": written by the device)',
            text="""
            ADDRESS (0; W; 64 bits)             -- Of the buffer, physical.
            LENGTH (8; W; 16 bits)              -- Octets of the buffer.
            CSO (10; W; 8 bits)                 -- Where to put a checksum.
            CMD (11; W; 8 bits)                 -- 3.3.3.1
                EOP       0                     -- The packet ends in this buffer.
                IFCS      1                     -- Append the frame check sequence.
                IC        2                     -- Insert a checksum.
                RS        3                     -- Report status: set DD when done.
                DEXT      5                     -- Not a legacy descriptor.
                VLE       6                     -- Insert a VLAN tag.
                IDE       7                     -- Delay the interrupt.
            STATUS (12; R/W; 8 bits)            -- 3.3.3.2
                DD        0                     -- Sent, if RS was set.
                EC        1                     -- Gave up after too many collisions.
                LC        2                     -- Late collision.
            CSS (13; W; 8 bits)                 -- Where to start a checksum.
            SPECIAL (14; W; 16 bits)            -- VLAN tag.
            """,
        ),
    ],
)
