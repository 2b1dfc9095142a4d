"""UDP datagrams, RFC 768: what DHCP rides on."""

from cllm_gen.spec.protocol import Protocol

udp = Protocol(
    name="udp",
    title="User Datagram Protocol",
    source="RFC 768",
    header="""
        Source Port: 16 bits
        Destination Port: 16 bits
        Length: 16 bits, total length in octets    -- Header and payload.
        Checksum: 16 bits                          -- Zero: the sender computed none.
    """,
)
