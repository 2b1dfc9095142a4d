"""Ethernet, ARP, IPv4 and ICMP."""

import pytest

from tests.net import wire
from tests.net.kernel import SECOND

OTHER = "10.0.2.77"
OTHER_MAC = bytes.fromhex("020000000077")


def arps(kernel):
    return [found for frame in kernel.take() if (found := wire.read_arp(frame))]


def ping(kernel, source=wire.HOST, **more):
    """What came back for one echo request."""
    kernel.send(wire.ipv4(wire.icmp_echo(7, 1, b"x" * 32), 1, source, **more))
    return [found for frame in kernel.take() if (found := wire.read_ipv4(frame))]


def test_announces_its_address_and_asks_for_the_gateway_at_once(kernel):
    sent = [wire.read_arp(frame) for frame in kernel.first_frames]
    assert (sent[0].operation, sent[0].sender, sent[0].target) == (1, wire.KERNEL, wire.KERNEL)
    assert sent[0].destination == wire.BROADCAST_MAC
    assert kernel.status()["arp_learned"] == 1, "the gateway is known before anybody needs it"


@pytest.mark.parametrize(
    "words",
    [
        "ip=10.0.2.15",
        "ip=10.0.2.256/24",
        "ip=10.0.2.0/24",
        "ip=10.0.2.15/33",
        "ip=10.0.2.15/24,",
        "ip=10.0.2.15/24,10.0.2",
        "ip=127.0.0.1/8",
        "ip=010.0.2.15/24",
        "ip=10.0.2.15/24x",
        "ip=",
    ],
)
def test_refuses_to_start_with_a_wrong_address(boot, words):
    kernel = boot(words)
    assert not kernel.started
    assert any("ip=: expected a.b.c.d/nn[,gateway]" in line for line in kernel.log)


def test_answers_who_has_and_learns_who_asked(kernel):
    kernel.send(wire.arp(1, OTHER_MAC, OTHER, b"\0" * 6, wire.KERNEL))
    (reply,) = arps(kernel)
    assert (reply.operation, reply.sender_mac, reply.sender) == (2, wire.KERNEL_MAC, wire.KERNEL)
    assert (reply.target_mac, reply.target, reply.destination) == (OTHER_MAC, OTHER, OTHER_MAC)
    (answer,) = ping(kernel, OTHER, source_mac=OTHER_MAC)
    assert answer.destination == OTHER, "no second question was needed"


def test_does_not_answer_for_other_addresses_nor_learn_from_gossip(kernel):
    kernel.send(wire.arp(1, OTHER_MAC, OTHER, b"\0" * 6, "10.0.2.99"))
    kernel.send(
        wire.arp(2, OTHER_MAC, OTHER, wire.KERNEL_MAC, wire.KERNEL, destination=wire.KERNEL_MAC)
    )
    assert arps(kernel) == []
    ping(kernel, OTHER, source_mac=OTHER_MAC)
    assert kernel.status()["arp_learned"] == 1


def test_answers_a_probe_without_learning(kernel):
    kernel.send(wire.arp(1, OTHER_MAC, "0.0.0.0", b"\0" * 6, wire.KERNEL))
    (reply,) = arps(kernel)
    assert reply.operation == 2 and reply.target == "0.0.0.0"
    assert kernel.status()["arp_learned"] == 1


def test_an_answer_waits_for_the_neighbour_and_then_goes(kernel):
    assert ping(kernel, OTHER) == []
    kernel.neighbours[OTHER] = OTHER_MAC
    kernel.run(SECOND)
    sent = [found for frame in kernel.take() if (found := wire.read_ipv4(frame))]
    assert [each.destination for each in sent] == [OTHER]


def test_the_newest_four_answers_wait(kernel):
    before = kernel.status()["heap_blocks"]
    for i in range(6):
        kernel.send(wire.ipv4(wire.icmp_echo(7, i, b"x"), 1, OTHER))
    assert kernel.status()["heap_blocks"] == before + 4
    kernel.neighbours[OTHER] = OTHER_MAC
    kernel.run(SECOND)
    sent = [found.payload[7] for frame in kernel.take() if (found := wire.read_ipv4(frame))]
    assert sent == [2, 3, 4, 5] and kernel.status()["heap_blocks"] == before


def test_no_memory_for_what_would_wait(kernel):
    kernel.heap_fails(1)
    ping(kernel, OTHER)
    kernel.neighbours[OTHER] = OTHER_MAC
    kernel.run(SECOND)
    assert len(ping(kernel, OTHER, source_mac=OTHER_MAC)) == 1


def test_asks_three_times_then_gives_up_and_frees_what_waited(kernel):
    before = kernel.status()["heap_blocks"]
    ping(kernel, OTHER)
    asked = 1
    assert kernel.status()["heap_blocks"] == before + 1
    for _ in range(6):
        kernel.run(SECOND)
        asked += len([each for each in arps(kernel) if each.target == OTHER])
    assert asked == 3
    status = kernel.status()
    assert status["arp_unresolved"] == 1 and status["heap_blocks"] == before


def test_many_strangers_do_not_exhaust_the_cache(kernel):
    before = kernel.status()["heap_blocks"]
    for host in range(20, 120):
        ping(kernel, f"10.0.2.{host}")
    assert kernel.status()["heap_blocks"] <= before + 16
    kernel.run_for(10 * SECOND, SECOND)
    assert kernel.status()["heap_blocks"] == before
    assert len(ping(kernel)) == 1


def test_an_entry_in_use_is_confirmed_before_it_ends(kernel):
    kernel.neighbours.clear()
    kernel.run(230 * SECOND)
    kernel.take()
    kernel.send(wire.ipv4(wire.icmp_echo(7, 1, b""), 1))
    frames = kernel.take()
    assert [each.target for f in frames if (each := wire.read_arp(f))] == [wire.HOST], "asked again"
    assert [each for f in frames if wire.read_ipv4(f)], "and meanwhile used"


def test_an_entry_expires(kernel):
    kernel.neighbours.clear()
    kernel.run(301 * SECOND)
    kernel.take()
    kernel.send(wire.ipv4(wire.icmp_echo(7, 1, b""), 1))
    frames = kernel.take()
    assert [each.target for f in frames if (each := wire.read_arp(f))] == [wire.HOST]
    assert not [f for f in frames if wire.read_ipv4(f)]


def test_an_entry_that_ends_while_its_answer_is_due_is_asked_anew(kernel):
    kernel.neighbours.clear()
    kernel.queue(wire.ipv4(wire.icmp_echo(7, 1, b""), 1))
    kernel.run(301 * SECOND)
    frames = kernel.take()
    assert [each.target for f in frames if (each := wire.read_arp(f))] == [wire.HOST]
    assert not [f for f in frames if wire.read_ipv4(f)]


def test_a_neighbour_may_move_to_another_card(kernel):
    kernel.send(wire.arp(1, OTHER_MAC, wire.HOST, b"\0" * 6, wire.HOST))
    kernel.take()
    kernel.send(wire.ipv4(wire.icmp_echo(7, 1, b""), 1))
    (frame,) = kernel.take()
    assert frame[:6] == OTHER_MAC


def test_defends_its_address_once_in_a_while(kernel):
    claim = wire.arp(1, OTHER_MAC, wire.KERNEL, b"\0" * 6, wire.KERNEL)
    kernel.send(claim)
    (defence,) = arps(kernel)
    assert (defence.operation, defence.sender, defence.target) == (1, wire.KERNEL, wire.KERNEL)
    kernel.send(claim)
    assert arps(kernel) == [], "no duel"
    assert kernel.status()["arp_conflicts"] == 2
    assert any("also used by 02:00:00:00:00:77" in line for line in kernel.log)
    kernel.run(11 * SECOND)
    kernel.send(claim)
    assert len(arps(kernel)) == 1


@pytest.mark.parametrize("size", [0, 1, 2, 3, 55, 1472])
def test_ping(kernel, size):
    payload = bytes(range(256)) * 6
    kernel.send(wire.ipv4(wire.icmp_echo(0x1234, 9, payload[:size]), 1))
    (packet,) = [found for frame in kernel.take() if (found := wire.read_ipv4(frame))]
    assert (packet.source, packet.destination, packet.protocol) == (wire.KERNEL, wire.HOST, 1)
    assert packet.payload == wire.icmp_echo(0x1234, 9, payload[:size], kind=0)


def dropped(kernel, counter, *frames):
    """The frames move this counter, once each, get no answer, and the kernel still answers."""
    before = kernel.status()[counter]
    kernel.send(*frames)
    assert kernel.take() == []
    assert kernel.status()[counter] == before + len(frames)
    assert len(ping(kernel)) == 1


ECHO = wire.icmp_echo(1, 1, b"abcd")


@pytest.mark.parametrize(
    "counter, frame",
    [
        ("ethernet_malformed", b""),
        ("ethernet_malformed", b"\0" * 13),
        ("ethernet_malformed", wire.ethernet(b"\0" * 46, 0x800, source=b"\1" + b"\0" * 5)),
        ("ethernet_not_ours", wire.ethernet(b"\0" * 46, 0x800, destination=OTHER_MAC)),
        ("ethernet_not_ours", wire.ethernet(b"\0" * 46, 0x800, destination=b"\x33\x33\0\0\0\1")),
        ("ethernet_unknown_type", wire.ethernet(b"\0" * 46, 0x86DD)),
        ("arp_malformed", wire.ethernet(b"\0" * 46, 0x806)),
        ("arp_malformed", wire.arp(1, OTHER_MAC, OTHER, b"\0" * 6, wire.KERNEL)[:41]),
        ("arp_malformed", wire.arp(3, OTHER_MAC, OTHER, b"\0" * 6, wire.KERNEL)),
        (
            "arp_malformed",
            wire.arp(1, OTHER_MAC, OTHER, b"\0" * 6, wire.KERNEL, source=wire.HOST_MAC),
        ),
        ("arp_malformed", wire.arp(1, OTHER_MAC, "192.168.0.1", b"\0" * 6, wire.KERNEL)),
        ("arp_malformed", wire.arp(1, OTHER_MAC, "10.0.2.255", b"\0" * 6, wire.KERNEL)),
        ("ipv4_malformed", wire.ethernet(b"\x45" * 19, 0x800)),
        ("ipv4_malformed", wire.ethernet(b"\x65" + wire.ipv4(ECHO, 1)[15:], 0x800)),
        ("ipv4_malformed", wire.ethernet(b"\x44" + wire.ipv4(ECHO, 1)[15:], 0x800)),
        ("ipv4_malformed", wire.ipv4(ECHO, 1)[:-1]),
        ("ipv4_bad_checksum", wire.ipv4(ECHO, 1)[:22] + b"\1" + wire.ipv4(ECHO, 1)[23:]),
        ("ipv4_malformed", wire.ipv4(ECHO, 1, source="10.0.2.255")),
        ("ipv4_malformed", wire.ipv4(ECHO, 1, source="224.0.0.1")),
        ("ipv4_malformed", wire.ipv4(ECHO, 1, source="0.0.0.0")),
        ("ipv4_malformed", wire.ipv4(ECHO, 1, source="127.0.0.1")),
        ("ipv4_malformed", wire.ipv4(ECHO, 1, source=wire.KERNEL)),
        ("ipv4_fragments", wire.ipv4(ECHO, 1, flags=0x2000)),
        ("ipv4_fragments", wire.ipv4(ECHO, 1, flags=0x0001)),
        ("ipv4_not_ours", wire.ipv4(ECHO, 1, destination=OTHER)),
        ("ipv4_unknown_protocol", wire.ipv4(ECHO, 132)),
        ("icmp_malformed", wire.ipv4(ECHO[:-1] + b"e", 1)),
        ("icmp_malformed", wire.ipv4(b"\x08\0\xf7\xff", 1)),
        ("icmp_ignored", wire.ipv4(wire.icmp_echo(1, 1, b"", kind=13), 1)),
        (
            "icmp_ignored",
            wire.ipv4(ECHO, 1, destination="10.0.2.255", destination_mac=wire.BROADCAST_MAC),
        ),
        ("udp_malformed", wire.ipv4(b"\0" * 7, 17)),
        ("udp_malformed", wire.ipv4(b"\0\x35\0\x44\0\x09\0\0", 17)),
        ("udp_bad_checksum", wire.ipv4(b"\0\x35\0\x44\0\x08\0\1", 17)),
        ("udp_no_port", wire.udp(b"hello", 53, 53)),
        ("tcp_malformed", wire.ipv4(b"\0" * 19, 6)),
        ("tcp_malformed", wire.tcp("SF", 40000, 1)),
        ("tcp_malformed", wire.tcp("S", 0, 1)),
        ("tcp_malformed", wire.tcp("", 40000, 1)),
        ("tcp_malformed", wire.tcp("S", 40000, 1, options=b"\2\3\0\0")),
        ("tcp_malformed", wire.tcp("S", 40000, 1, options=b"\2\1\0\0")),
        ("tcp_malformed", wire.tcp("S", 40000, 1, options=b"\1\1\1\2")),
        ("tcp_bad_checksum", wire.tcp("S", 40000, 1)[:-1] + b"\1"),
    ],
)
def test_malformed_frames_are_dropped_counted_and_survived(kernel, counter, frame):
    dropped(kernel, counter, frame)
    dropped(kernel, counter, frame, frame)
    if not counter.endswith("not_ours"):
        assert any(
            line.startswith("3 ") and "dropped" in line for line in kernel.log
        ), "told at debug level"


def test_options_and_padding_are_accepted(kernel):
    kernel.send(wire.ipv4(ECHO, 1, options=b"\1\1\1\0") + b"\xee" * 18)
    (packet,) = [found for frame in kernel.take() if (found := wire.read_ipv4(frame))]
    assert packet.payload == wire.icmp_echo(1, 1, b"abcd", kind=0)


def test_answers_beyond_the_network_go_to_the_gateway(kernel):
    kernel.send(wire.ipv4(ECHO, 1, source="192.0.2.9"))
    (frame,) = kernel.take()
    assert frame[:6] == wire.HOST_MAC and wire.read_ipv4(frame).destination == "192.0.2.9"


def test_without_a_gateway_answers_beyond_the_network_are_counted(boot):
    kernel = boot("ip=10.0.2.15/24")
    kernel.take()
    kernel.send(wire.ipv4(ECHO, 1, source="192.0.2.9"))
    assert kernel.take() == [] and kernel.status()["ipv4_unroutable"] == 1


def test_a_busy_device_loses_no_more_than_it_refused(kernel):
    kernel.device_busy(1)
    assert ping(kernel) == []
    assert len(ping(kernel)) == 1
    assert kernel.status()["ethernet_busy"] == 1
