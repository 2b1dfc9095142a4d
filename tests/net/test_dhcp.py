"""The DHCP client against a server that loses, refuses, renews and lies."""

import itertools
import struct
from dataclasses import dataclass

import pytest

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import MILLISECOND, SECOND

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK = 1, 2, 3, 4, 5, 6
ADDRESS = "10.0.2.44"
DYNAMIC = "port=80"


@dataclass
class Message:
    """What the kernel sent to a server."""

    kind: int
    xid: int
    ciaddr: bytes
    options: dict
    source: str
    destination: str
    broadcast: bool

    @property
    def requested(self):
        return self.options.get(50)


def messages(kernel) -> list[Message]:
    found = []
    for frame in kernel.take():
        packet = wire.read_ipv4(frame)
        if packet is None or packet.protocol != 17:
            continue
        source_port, port, size, _ = struct.unpack("!HHHH", packet.payload[:8])
        assert (source_port, port, size) == (68, 67, len(packet.payload))
        pseudo = wire.pseudo_header(packet.source, packet.destination, 17, size)
        assert wire.checksum(pseudo + packet.payload) == 0
        body = packet.payload[8:]
        assert len(body) >= 300, "relays drop shorter messages"
        assert body[:4] == b"\1\1\6\0" and body[28:34] == wire.KERNEL_MAC
        assert body[34:236] == bytes(202) and body[236:240] == b"\x63\x82\x53\x63"
        options, at = {}, 240
        while body[at] != 255:
            options[body[at]] = body[at + 2 : at + 2 + body[at + 1]]
            at += 2 + body[at + 1]
        assert options[61] == b"\1" + wire.KERNEL_MAC
        found.append(
            Message(
                options[53][0],
                struct.unpack("!I", body[4:8])[0],
                body[12:16],
                options,
                packet.source,
                packet.destination,
                bool(body[10] & 0x80),
            )
        )
    return found


def option(kind: int, data: bytes) -> bytes:
    return bytes([kind, len(data)]) + data


def reply(
    message,
    kind,
    *,
    address=ADDRESS,
    xid=None,
    server=wire.HOST,
    mask="255.255.255.0",
    router=wire.HOST,
    lease=86400,
    extra=b"",
    op=2,
    chaddr=wire.KERNEL_MAC,
    cookie=b"\x63\x82\x53\x63",
    destination=None,
    end=b"\xff",
    port=68,
) -> bytes:
    body = struct.pack("!BBBBIHH", op, 1, 6, 0, message.xid if xid is None else xid, 0, 0)
    body += bytes(4) + wire.ip_bytes(address) + bytes(8) + chaddr + bytes(10 + 192) + cookie
    body += option(53, bytes([kind]))
    body += option(54, wire.ip_bytes(server)) if server else b""
    if kind != NAK:
        body += option(1, wire.ip_bytes(mask)) if mask else b""
        body += option(3, wire.ip_bytes(router)) if router else b""
        body += option(51, struct.pack("!I", lease))
    body += extra + end
    everyone = destination is None
    return wire.udp(
        body,
        67,
        port,
        wire.HOST,
        "255.255.255.255" if everyone else destination,
        destination_mac=wire.BROADCAST_MAC if everyone else wire.KERNEL_MAC,
    )


def acquire(kernel, **more):
    """Runs discover, offer, request, ack; returns the request."""
    (discover,) = messages(kernel)
    kernel.send(reply(discover, OFFER, **more))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK, **more))
    return request


def answers_ping(kernel, address=ADDRESS) -> bool:
    kernel.send(wire.ipv4(wire.icmp_echo(7, 1, b"x"), 1, destination=address))
    return any(
        (p := wire.read_ipv4(f)) and p.protocol == 1 and p.source == address for f in kernel.take()
    )


def test_four_messages_and_the_address_works_at_once(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    assert kernel.status()["now"] == MILLISECOND, "sent in the same instant"
    assert (discover.kind, discover.source, discover.destination) == (
        DISCOVER,
        "0.0.0.0",
        "255.255.255.255",
    )
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    assert request.kind == REQUEST and request.xid == discover.xid
    assert request.requested == wire.ip_bytes(ADDRESS) and request.options[54] == wire.ip_bytes(
        wire.HOST
    )
    assert request.ciaddr == bytes(4)
    kernel.send(reply(request, ACK))
    announced = [a for f in kernel.take() if (a := wire.read_arp(f))]
    assert (announced[0].sender, announced[0].target) == (ADDRESS, ADDRESS)
    assert answers_ping(kernel)
    assert any(f"address {ADDRESS} (DHCP), gateway {wire.HOST}" in line for line in kernel.log)


def test_accepts_unicast_answers_before_it_has_an_address(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(reply(discover, OFFER, destination=ADDRESS))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK, destination=ADDRESS))
    assert answers_ping(kernel)


def test_unconfigured_it_answers_nothing_but_dhcp(boot):
    kernel = boot(DYNAMIC)
    kernel.take()
    kernel.send(
        wire.tcp("S", 40000, 1),
        wire.ipv4(wire.icmp_echo(1, 1, b""), 1),
        wire.arp(1, wire.HOST_MAC, wire.HOST, b"\0" * 6, "0.0.0.0"),
    )
    assert kernel.take() == []


def test_a_client_that_connects_too_early_is_served_when_the_address_comes(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(
        wire.tcp("S", 39000, 1, destination=ADDRESS),
        wire.tcp("S", 39001, 1, destination="10.0.2.45"),
    )
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    kernel.send(*(wire.tcp("S", 40000 + i, 1, destination=ADDRESS) for i in range(4)))
    kernel.send(reply(request, ACK))
    answers = kernel.segments()
    assert [(s.port, s.acknowledgment) for s in answers] == [(40000 + i, 2) for i in range(4)]


def test_what_came_much_too_early_is_not_served(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(wire.tcp("S", 39000, 1, destination=ADDRESS))
    kernel.run(SECOND)
    kernel.take()
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK))
    assert kernel.segments() == [] and kernel.status()["pending"] == 0


def test_discovers_again_with_growing_pauses(boot):
    kernel = boot(DYNAMIC)
    times, xids = [], set()
    for step in range(900):
        for message in messages(kernel):
            assert message.kind == DISCOVER
            times.append(step * 10 * MILLISECOND)
            xids.add(message.xid)
        kernel.run(10 * MILLISECOND)
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert len(pauses) == 4 and len(xids) == 1
    for pause, meant in zip(pauses, [0.5, 1, 2, 4]):
        assert 0.9 * meant * SECOND <= pause <= 1.1 * meant * SECOND + 10 * MILLISECOND


def test_falls_back_and_goes_on_asking_and_takes_a_late_lease(boot):
    kernel = boot(DYNAMIC)
    kernel.run_for(10 * SECOND)
    assert answers_ping(kernel, wire.KERNEL), "the fixed address"
    assert any("(fallback)" in line for line in kernel.log)
    kernel.take()
    kernel.run_for(130 * SECOND, SECOND)
    late = messages(kernel)
    assert late and all(m.kind == DISCOVER and m.broadcast for m in late)
    client = Client(kernel).connect()
    kernel.send(reply(late[-1], OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK))
    assert answers_ping(kernel) and not answers_ping(kernel, wire.KERNEL)
    assert [e.kind for e in client.events()] == ["X"], "connections of the old address are gone"


@pytest.mark.parametrize("lost", range(4))
def test_survives_the_loss_of_any_message(boot, lost):
    """Messages 0 to 3 are discover, offer, request, ack."""
    kernel = boot(DYNAMIC)
    passed = 0
    for _ in range(100):
        for message in messages(kernel):
            for answer in [None, OFFER if message.kind == DISCOVER else ACK]:
                passed += 1
                if passed - 1 == lost:
                    break  # what would have followed does not happen
                if answer:
                    kernel.send(reply(message, answer))
        kernel.run(50 * MILLISECOND)
    assert passed > 4 and answers_ping(kernel)
    assert not any("(fallback)" in line for line in kernel.log)


def test_a_server_that_stops_after_the_offer_leads_back_to_discovery(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(reply(discover, OFFER))
    kernel.run_for(9 * SECOND)
    kinds = [m.kind for m in messages(kernel)]
    assert kinds.count(REQUEST) == 4 and kinds[-1] == DISCOVER


def test_nak_starts_again(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, NAK))
    assert messages(kernel) == [], "not at once: a server could keep us busy"
    kernel.run(SECOND)
    (again,) = messages(kernel)
    assert again.kind == DISCOVER and again.xid != discover.xid
    kernel.send(reply(again, OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK))
    assert answers_ping(kernel)


def test_only_the_chosen_server_may_refuse(boot):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, NAK, server="10.0.2.3"))
    assert kernel.status()["dhcp_ignored"] == 1
    kernel.send(reply(request, ACK))
    assert answers_ping(kernel)


def test_a_server_that_always_refuses_does_not_put_off_the_fallback(boot):
    kernel = boot(DYNAMIC)
    for _ in range(220):
        for message in messages(kernel):
            kernel.send(reply(message, OFFER if message.kind == DISCOVER else NAK))
        kernel.run(50 * MILLISECOND)
    assert sum("(fallback)" in line for line in kernel.log) == 1


def test_renews_at_half_of_the_lease(boot):
    kernel = boot(DYNAMIC)
    first = acquire(kernel, lease=1000)
    kernel.take()
    client = Client(kernel)
    kernel.run(499 * SECOND)
    assert messages(kernel) == []
    kernel.run(SECOND)
    (renewal,) = messages(kernel)
    assert (renewal.kind, renewal.source, renewal.destination) == (REQUEST, ADDRESS, wire.HOST)
    assert renewal.ciaddr == wire.ip_bytes(ADDRESS) and renewal.requested is None
    assert 54 not in renewal.options and renewal.xid != first.xid
    kernel.send(reply(renewal, ACK, lease=1000, destination=ADDRESS))
    kernel.run(499 * SECOND)
    assert messages(kernel) == [] and answers_ping(kernel)
    kernel.run(SECOND)
    assert [m.kind for m in messages(kernel)] == [REQUEST]
    assert client.kernel is kernel


def test_honours_the_servers_timers(boot):
    kernel = boot(DYNAMIC)
    acquire(
        kernel,
        lease=1000,
        extra=option(58, struct.pack("!I", 100)) + option(59, struct.pack("!I", 300)),
    )
    kernel.take()
    kernel.run(99 * SECOND)
    assert messages(kernel) == []
    kernel.run(SECOND)
    assert [m.destination for m in messages(kernel)] == [wire.HOST]
    kernel.run(200 * SECOND)
    assert [m.destination for m in messages(kernel)] == ["255.255.255.255"]


def test_rebinds_then_gives_the_address_up(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel, lease=2000)
    kernel.take()
    kinds = []
    for second in range(0, 2000, 10):
        kernel.run(10 * SECOND)
        kinds += [(second, m.destination) for m in messages(kernel)]
    renewals = [at for at, where in kinds if where == wire.HOST]
    rebinds = [at for at, where in kinds if where == "255.255.255.255"]
    assert renewals[0] == 990 and renewals[-1] < 1740 and len(renewals) >= 3
    assert rebinds[0] == 1740 and len(rebinds) >= 2
    assert any("lease expired" in line for line in kernel.log)
    assert not answers_ping(kernel)


def test_another_server_may_extend_the_lease_while_rebinding(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel, lease=1000)
    kernel.run(500 * SECOND)
    kernel.run(376 * SECOND)
    request = messages(kernel)[-1]
    kernel.send(reply(request, ACK, server="10.0.2.3", lease=1000))
    kernel.run(400 * SECOND)
    assert answers_ping(kernel)


def test_a_refused_renewal_gives_the_address_up_at_once(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel, lease=1000)
    kernel.take()
    kernel.run(500 * SECOND)
    (renewal,) = messages(kernel)
    kernel.send(reply(renewal, NAK))
    assert not answers_ping(kernel)
    kernel.run(SECOND)
    assert [m.kind for m in messages(kernel)] == [DISCOVER]


def test_an_endless_lease_is_never_renewed(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel, lease=2**32 - 1)
    kernel.take()
    for _ in range(20):
        kernel.run(2**31 * SECOND)
    assert messages(kernel) == [] and answers_ping(kernel)


def test_declines_an_address_that_somebody_else_insists_on(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel)
    kernel.take()
    other = bytes.fromhex("020000000077")
    claim = wire.arp(1, other, ADDRESS, b"\0" * 6, ADDRESS)
    kernel.send(claim)
    assert messages(kernel) == [] and answers_ping(kernel), "the first time it is defended"
    kernel.send(claim)
    (decline,) = messages(kernel)
    assert decline.kind == DECLINE and decline.requested == wire.ip_bytes(ADDRESS)
    assert decline.options[54] == wire.ip_bytes(wire.HOST) and decline.source == "0.0.0.0"
    assert not answers_ping(kernel)
    kernel.run(9 * SECOND)
    assert messages(kernel) == []
    kernel.run(2 * SECOND)
    assert DISCOVER in [m.kind for m in messages(kernel)]


def test_link_up_asks_at_once(boot):
    kernel = boot(DYNAMIC)
    kernel.take()
    kernel.link(False)
    kernel.run(100 * MILLISECOND)
    kernel.take()
    kernel.link(True)
    kernel.run(0)
    assert [m.kind for m in messages(kernel)] == [DISCOVER]


def test_a_mask_is_guessed_from_the_class_when_none_comes(boot):
    kernel = boot(DYNAMIC)
    acquire(kernel, mask=None, router=None)
    kernel.send(wire.ipv4(wire.icmp_echo(1, 1, b""), 1, "10.9.9.9", ADDRESS))
    asked = [a.target for f in kernel.take() if (a := wire.read_arp(f))]
    assert "10.9.9.9" in asked, "10.0.0.0/8 is all neighbours"


@pytest.mark.parametrize(
    "counter, change",
    [
        ("dhcp_ignored", dict(xid=1)),
        ("dhcp_ignored", dict(chaddr=b"\2" * 6)),
        ("dhcp_malformed", dict(op=1)),
        ("dhcp_malformed", dict(cookie=b"\0\0\0\0")),
        ("dhcp_malformed", dict(server=None)),
        ("dhcp_malformed", dict(extra=option(58, b"\0"))),
        ("dhcp_malformed", dict(extra=b"\x0c\xff", end=b"")),
        ("dhcp_malformed", dict(extra=b"\x0c", end=b"")),
        ("dhcp_ignored", dict(address="0.0.0.0")),
        ("dhcp_ignored", dict(address="224.0.0.1")),
        ("dhcp_ignored", dict(address="10.0.2.255")),
        ("dhcp_ignored", dict(mask="255.0.255.0")),
    ],
)
def test_bad_offers_are_counted_and_a_good_one_still_taken(boot, counter, change):
    kernel = boot(DYNAMIC)
    (discover,) = messages(kernel)
    before = kernel.status()[counter]
    kernel.send(reply(discover, OFFER, **change))
    assert messages(kernel) == [] and kernel.status()[counter] == before + 1
    kernel.send(reply(discover, OFFER))
    (request,) = messages(kernel)
    kernel.send(reply(request, ACK, **change))
    assert not answers_ping(kernel)
    kernel.send(reply(request, ACK))
    assert answers_ping(kernel)


def test_lossy_and_damaged_wire(boot):
    for seed in range(1, 9):
        kernel = boot(DYNAMIC)
        kernel.faults(drop=0.2, duplicate=0.2, corrupt=0.2, reorder=0.2, seed=seed)
        kernel.run(600 * MILLISECOND)
        for _ in range(400):
            for message in messages(kernel):
                kernel.send(reply(message, OFFER if message.kind == DISCOVER else ACK))
            kernel.run(100 * MILLISECOND)
        kernel.faults()
        assert any(f"address {ADDRESS} (DHCP)" in line for line in kernel.log)
