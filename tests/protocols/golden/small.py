"""A header that uses every part of the notation once."""

from cllm_gen.spec.protocol import Protocol

small = Protocol(
    name="small",
    title="Small header",
    source="RFC 0, section 1",
    header="""
        Version: 3 bits, must be 2
        Size: 5 bits, header length in 2 octets  -- Header and options.
        Reserved: 4 bits
        Flags: 4 bits
            bit 0 = Don't Ask (DA)               -- Or else.
        Total: 16 bits, total length in octets
        Kind: 24 bits, initially 7
            7 = Usual
            0x10000 = Rare
        Address: 5 octets
        Options: rest of the header
            option length counts the whole option
            option 0 = End, ends the list
            option 1 = Pad, padding
            option 2 = Speed: 16 bits
                1 = Slow
            option 3 = Mark: nothing
            option 4 = Text: octets
            option 5 = Pairs: list of Low 8 bits, High 32 bits
    """,
)
