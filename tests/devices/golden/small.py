"""A device that uses every part of the notation once."""

from cllm_gen.spec.device import Device, PciId, Record, Registers

small = Device(
    name="small",
    title="Small device",
    source="Its data sheet, revision 1",
    ids=[PciId(0x1AF4, 0x1000, "SMALL", "nobody")],
    parts=[
        Registers(
            bus="memory",
            text="""
            CTRL (00h; R/W)                       -- Control, 1.1
                ON        0      1b               -- Runs.
                MODE      5:4    10b              -- How.
                    00b = Slow
                    10b = Twice as fast (fast)
            CAUSE (04h; RC)                       -- Cause, 1.2
            TABLE[4] (10h + 8*n; W)               -- Table, 1.3
            """,
        ),
        Registers(
            bus="ports",
            prefix="port",
            title="Ports",
            text="""
            LINE (3; R/W; 8 bits; reset 80h)
                BANK      7
            LATCH (0; R/W; 16 bits; when LINE.BANK = 1)
            """,
        ),
        Record(
            "word",
            title="Word",
            text="""
            ADDRESS (0; W; 64 bits)
            STATE (8; R/W1C; 32 bits)
                DONE      0               -- Finished.
            SUM (0Ch; R; 32 bits)
            """,
        ),
    ],
)
