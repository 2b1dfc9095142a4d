"""TCP segments, RFC 9293. Window scaling and timestamps are RFC 7323's, selective acknowledgment is
RFC 2018's."""

from cllm_gen.spec.protocol import Protocol

tcp = Protocol(
    name="tcp",
    title="Transmission Control Protocol",
    source="RFC 9293, section 3.1",
    header="""
        Source Port: 16 bits
        Destination Port: 16 bits
        Sequence Number: 32 bits           -- Of the first data octet, or of the SYN if there is one.
        Acknowledgment Number: 32 bits     -- The next octet that the sender expects, if ACK is set.
        Data Offset: 4 bits, header length in 4 octets
        Reserved: 4 bits
        Flags: 8 bits                      -- The control bits.
            bit 0 = CWR                    -- Congestion window reduced, RFC 3168.
            bit 1 = ECE                    -- ECN echo, RFC 3168.
            bit 2 = URG                    -- The urgent pointer counts.
            bit 3 = ACK                    -- The acknowledgment number counts.
            bit 4 = PSH                    -- Hand the data up without waiting for more.
            bit 5 = RST                    -- The connection is gone.
            bit 6 = SYN                    -- Opens; occupies one sequence number.
            bit 7 = FIN                    -- Ends this direction; occupies one sequence number.
        Window: 16 bits                    -- Octets that the sender can take, before scaling.
        Checksum: 16 bits                  -- Over a pseudo-header, this header and the data.
        Urgent Pointer: 16 bits
        Options: rest of the header
            option length counts the whole option
            option 0 = End of Option List (End), ends the list
            option 1 = No-Operation (NOP), padding
            option 2 = Maximum Segment Size (MSS): 16 bits       -- Only with SYN.
            option 3 = Window Scale: 8 bits                      -- Only with SYN; at most 14.
            option 4 = SACK Permitted: nothing                   -- Only with SYN.
            option 5 = SACK: list of Left Edge 32 bits, Right Edge 32 bits
            option 8 = Timestamps: Value 32 bits, Echo Reply 32 bits
    """,
)
