"""IPv4 headers, RFC 791. Options are accepted and skipped; fragments are recognised and refused by the
network stack."""

from cllm_gen.spec.protocol import Protocol

ipv4 = Protocol(
    name="ipv4",
    title="Internet Protocol, version 4",
    source="RFC 791, section 3.1; the type of service octet is RFC 2474's and RFC 3168's",
    header="""
        Version: 4 bits, must be 4
        Internet Header Length (IHL): 4 bits, header length in 4 octets
        Differentiated Services (DSCP): 6 bits
        Explicit Congestion Notification (ECN): 2 bits
        Total Length: 16 bits, total length in octets -- Header and payload; the frame may be padded.
        Identification: 16 bits
        Flags: 3 bits
            bit 1 = Don't Fragment (DF)
            bit 2 = More Fragments (MF)
        Fragment Offset: 13 bits                      -- In units of 8 octets.
        Time to Live (TTL): 8 bits, initially 64
        Protocol: 8 bits
            1 = ICMP
            6 = TCP
            17 = UDP
        Header Checksum: 16 bits
        Source Address (Source): 32 bits
        Destination Address (Destination): 32 bits
        Options: rest of the header
    """,
)
