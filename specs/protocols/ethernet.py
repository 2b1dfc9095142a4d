"""Ethernet II frames. The frame check sequence is the device's affair and never seen here."""

from cllm_gen.spec.protocol import Protocol

ethernet = Protocol(
    name="ethernet",
    title="Ethernet II frame",
    source="RFC 894; IEEE 802.3-2018, clause 3.1.1",
    header="""
        Destination: 6 octets
        Source: 6 octets
        EtherType: 16 bits         -- What the payload is; a length (below 1536) is not understood.
            0x0800 = IPv4
            0x0806 = ARP
            0x8100 = VLAN          -- A tag of IEEE 802.1Q; dropped.
            0x86dd = IPv6          -- Dropped.
    """,
)
