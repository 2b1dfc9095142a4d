"""PCI configuration space, reached by configuration mechanism #1: an address port and a data port."""

from cllm_gen.spec.device import Device, Driver, Registers

pci = Device(
    name="pci",
    title="PCI configuration space",
    source="PCI Local Bus Specification, revision 3.0, chapter 6; "
    "PCI-to-PCI Bridge Architecture Specification, revision 1.2, section 3.2",
    driver=Driver("pci", "bus"),
    parts=[
        Registers(
            bus="ports",
            title="Configuration mechanism #1, section 3.2.2.3.2 (base 0: the offsets are port numbers)",
            text="""
            CONFIG_ADDRESS (0CF8h; R/W)
                REGISTER  7:2    0              -- Double word of the function's space.
                FUNCTION  10:8   0
                DEVICE    15:11  0
                BUS       23:16  0
                ENABLE    31     0b             -- Accesses to CONFIG_DATA become configuration cycles.
            CONFIG_DATA (0CFCh; R/W)
            """,
        ),
        Registers(
            bus="configuration",
            title="Header common to all functions, section 6.1",
            text="""
            VENDOR_ID (00h; R; 16 bits)         -- FFFFh: there is no such function.
            DEVICE_ID (02h; R; 16 bits)
            COMMAND (04h; R/W; 16 bits)         -- 6.2.2
                IO        0      0b             -- Answer I/O accesses.
                MEMORY    1      0b             -- Answer memory accesses.
                MASTER    2      0b             -- May access memory by itself.
                PARITY    6      0b             -- React to parity errors.
                SERR      8      0b             -- May assert SERR#.
                INTX_OFF  10     0b             -- May not assert its interrupt line.
            STATUS (06h; R/W1C; 16 bits)        -- 6.2.3
                INTX      3      0b    R        -- Its interrupt line is asserted.
                CAPABLE   4      X     R        -- There is a capabilities list.
                ABORTED   13     0b             -- A transaction of its own was master-aborted.
                PARITY    15     0b             -- Saw a parity error.
            REVISION_ID (08h; R; 8 bits)
            INTERFACE (09h; R; 8 bits)          -- Programming interface, 6.2.1
            SUBCLASS (0Ah; R; 8 bits)
            CLASS (0Bh; R; 8 bits)
                CODE      7:0    X
                    02h = Network
                    06h = Bridge
            CACHE_LINE (0Ch; R/W; 8 bits)       -- In double words.
            LATENCY (0Dh; R/W; 8 bits)
            HEADER_TYPE (0Eh; R; 8 bits)
                LAYOUT    6:0    X              -- Of offsets 10h to 3Fh.
                    0 = Device
                    1 = Bridge
                    2 = CardBus
                MULTI     7      X              -- There are functions beside function 0.
            BIST (0Fh; R/W; 8 bits)             -- Self test.
            CAPABILITIES (34h; R; 8 bits)       -- Offset of the first capability.
            INTERRUPT_LINE (3Ch; R/W; 8 bits)   -- Written by the firmware: the line of the interrupt controller.
            INTERRUPT_PIN (3Dh; R; 8 bits)      -- 1 to 4: INTA# to INTD#; 0: none.
            """,
        ),
        Registers(
            bus="configuration",
            title="Header of a device (layout 0), section 6.1",
            text="""
            BAR[6] (10h + 4*n; R/W)             -- Base Address, 6.2.5
                IO        0      X     R        -- An I/O range; else memory, and the bits below hold.
                TYPE      2:1    X     R
                    00b = 32 bits (32)
                    10b = 64 bits (64)          -- The next base address register is the upper half.
                PREFETCH  3      X     R        -- Reading has no side effects.
                ADDRESS   31:4   X
            SUBSYSTEM_VENDOR_ID (2Ch; R; 16 bits)
            SUBSYSTEM_ID (2Eh; R; 16 bits)
            ROM (30h; R/W)                      -- Expansion ROM base address, 6.2.5.2
                ENABLE    0      0b
                ADDRESS   31:11  X
            """,
        ),
        Registers(
            bus="configuration",
            prefix="bridge",
            title="Header of a PCI-to-PCI bridge (layout 1), bridge specification 3.2.5",
            text="""
            PRIMARY (18h; R/W; 8 bits)          -- Number of the bus above.
            SECONDARY (19h; R/W; 8 bits)        -- Number of the bus below.
            SUBORDINATE (1Ah; R/W; 8 bits)      -- Highest bus number below.
            """,
        ),
    ],
)
