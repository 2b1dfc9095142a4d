"""DHCP messages, RFC 2131, with the options of RFC 2132 that a client asks for and reads."""

from cllm_gen.spec.protocol import Protocol

dhcp = Protocol(
    name="dhcp",
    title="Dynamic Host Configuration Protocol",
    source="RFC 2131, section 2, figure 1; options: RFC 2132",
    header="""
        Op: 8 bits
            1 = Boot Request
            2 = Boot Reply
        Hardware Type (htype): 8 bits, initially 1     -- Ethernet.
        Hardware Length (hlen): 8 bits, initially 6
        Hops: 8 bits
        Transaction (xid): 32 bits                     -- Chosen by the client, returned by the server.
        Seconds (secs): 16 bits                        -- Since the client began.
        Flags: 16 bits
            bit 0 = Broadcast                          -- The client cannot take unicast yet.
        Client Address (ciaddr): 32 bits               -- Only when the client may already use it.
        Your Address (yiaddr): 32 bits                 -- What the server offers.
        Server Address (siaddr): 32 bits
        Relay Address (giaddr): 32 bits
        Client Hardware Address (chaddr): 16 octets    -- Six are used for Ethernet.
        Server Name (sname): 64 octets
        Boot File (file): 128 octets
        Magic Cookie: 32 bits, must be 0x63825363      -- RFC 2132, section 2.
        Options: rest of the message
            option length counts the data
            option 0 = Pad, padding
            option 255 = End, ends the list
            option 1 = Subnet Mask: 32 bits
            option 3 = Router: list of 32 bits
            option 6 = Domain Name Server (DNS): list of 32 bits
            option 12 = Host Name: octets
            option 15 = Domain Name: octets
            option 28 = Broadcast Address: 32 bits
            option 50 = Requested Address: 32 bits
            option 51 = Lease Time: 32 bits            -- Seconds.
            option 53 = Message Type: 8 bits
                1 = Discover
                2 = Offer
                3 = Request
                4 = Decline
                5 = Ack
                6 = Nak
                7 = Release
            option 54 = Server Identifier: 32 bits
            option 55 = Parameter Request List: octets -- Option types that the client wants.
            option 56 = Message: octets                -- Why the server refused, as text.
            option 58 = Renewal Time (T1): 32 bits     -- Seconds.
            option 59 = Rebinding Time (T2): 32 bits   -- Seconds.
            option 61 = Client Identifier: octets
    """,
)
