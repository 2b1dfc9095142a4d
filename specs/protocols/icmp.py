"""ICMP echo and the errors that quote a datagram. Identifier and sequence number are the echo message's;
in Destination Unreachable the same four octets are unused (and carry the next-hop MTU in code 4).
"""

from cllm_gen.spec.protocol import Protocol

icmp = Protocol(
    name="icmp",
    title="Internet Control Message Protocol",
    source="RFC 792",
    header="""
        Type: 8 bits
            0 = Echo Reply
            3 = Destination Unreachable
            8 = Echo
            11 = Time Exceeded
        Code: 8 bits
        Checksum: 16 bits              -- Over the whole message.
        Identifier: 16 bits            -- Echo: chosen by the sender, returned unchanged.
        Sequence Number: 16 bits       -- Echo: likewise. Unreachable, code 4: next-hop MTU.
    """,
)
