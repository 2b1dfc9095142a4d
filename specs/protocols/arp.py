"""The Address Resolution Protocol for IPv4 over Ethernet, the only pair that is accepted."""

from cllm_gen.spec.protocol import Protocol

arp = Protocol(
    name="arp",
    title="Address Resolution Protocol, IPv4 over Ethernet",
    source="RFC 826",
    header="""
        Hardware Type: 16 bits, must be 1              -- Ethernet.
        Protocol Type: 16 bits, must be 0x0800         -- IPv4.
        Hardware Address Length: 8 bits, must be 6
        Protocol Address Length: 8 bits, must be 4
        Operation: 16 bits
            1 = Request
            2 = Reply
        Sender Hardware Address (Sender MAC): 6 octets
        Sender Protocol Address (Sender IP): 32 bits
        Target Hardware Address (Target MAC): 6 octets -- Undefined in a request; sent as zero.
        Target Protocol Address (Target IP): 32 bits
    """,
)
