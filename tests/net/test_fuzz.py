"""Frames made of nonsense, at each layer: nothing crashes (the stack runs under sanitizers), every
frame is accounted for, and the next honest ping and connection are answered."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import SECOND, Kernel
from tests.net.test_dhcp import OFFER, messages, reply

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
OCTETS = st.binary(max_size=120)
NUMBER = st.integers(0, 2**32 - 1)


def damaged(honest: bytes, from_offset: int):
    """The honest frame with a few octets changed, cut short, or prolonged."""
    change = st.tuples(st.integers(from_offset, len(honest) - 1), st.integers(0, 255))

    def apply(changes, size, tail):
        made = bytearray(honest)
        for at, value in changes:
            made[at] = value
        return bytes(made[:size]) + tail

    return st.builds(
        apply,
        st.lists(change, max_size=6),
        st.one_of(st.just(len(honest)), st.integers(0, len(honest))),
        st.one_of(st.just(b""), OCTETS),
    )


def options():
    """TCP options, right and wrong."""
    return st.one_of(
        st.binary(max_size=40),
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(0, 12), st.binary(max_size=10)), max_size=5
        ).map(lambda items: b"".join(bytes([k, n]) + data for k, n, data in items)[:40]),
    )


ETHERNET = st.one_of(
    st.binary(max_size=1514),
    st.builds(
        lambda kind, body: wire.ethernet(body, kind),
        st.sampled_from([0x800, 0x806, 0x86DD, 5]),
        st.binary(max_size=1500),
    ),
)
ARP = damaged(wire.arp(1, wire.HOST_MAC, wire.HOST, b"\0" * 6, wire.KERNEL), 14)
IPV4 = st.builds(
    lambda body, protocol, option, flags, source, destination: wire.ipv4(
        body,
        protocol,
        source,
        destination,
        options=option + b"\0" * (-len(option) % 4),
        flags=flags,
    ),
    OCTETS,
    st.sampled_from([1, 6, 17, 200]),
    st.binary(max_size=40),
    st.sampled_from([0, 0x4000, 0x2000, 1]),
    st.sampled_from([wire.HOST, "10.0.2.255", "224.0.0.1", "0.0.0.0", "192.0.2.1"]),
    st.sampled_from([wire.KERNEL, "255.255.255.255", "10.0.2.255", "10.0.2.16"]),
)
TCP = st.builds(
    lambda flags, sequence, acknowledgment, window, data, option, to_port: wire.tcp(
        flags, 39999, sequence, acknowledgment, window, data, option, to_port=to_port
    ),
    st.integers(0, 255),
    NUMBER,
    NUMBER,
    st.integers(0, 65535),
    OCTETS,
    options(),
    st.sampled_from([80, 80, 80, 1]),
)


@pytest.fixture(scope="module")
def shared(program):
    kernel = Kernel(program)
    yield kernel
    kernel.close()


def total(kernel) -> int:
    return kernel.status()["ethernet_received"]


def still_serves(kernel) -> None:
    kernel.run(2 * SECOND)
    kernel.take()
    kernel.neighbours = {wire.HOST: wire.HOST_MAC}
    kernel.send(wire.arp(1, wire.HOST_MAC, wire.HOST, b"\0" * 6, wire.KERNEL))
    kernel.send(wire.ipv4(wire.icmp_echo(1, 1, b"alive"), 1))
    assert any((p := wire.read_ipv4(f)) and p.payload.endswith(b"alive") for f in kernel.take())
    kernel.take_events()
    client = Client(kernel, 50000, sequence=kernel.status()["now"] // 1000 % 2**32).connect()
    client.send("PA", b"hello")
    assert kernel.received(client.stream) == b"hello"
    client.send("R")
    kernel.take_events()
    kernel.log.clear()


@FUZZ
@given(st.lists(ETHERNET, min_size=1, max_size=6))
def test_ethernet(shared, frames):
    before = total(shared)
    shared.send(*frames)
    assert total(shared) == before + len(frames)
    still_serves(shared)


@FUZZ
@given(st.lists(ARP, min_size=1, max_size=6))
def test_arp(shared, frames):
    shared.send(*frames)
    still_serves(shared)


@FUZZ
@given(st.lists(IPV4, min_size=1, max_size=6))
def test_ipv4(shared, frames):
    before = shared.status()["ipv4_received"]
    shared.send(*frames)
    assert shared.status()["ipv4_received"] == before + len(frames)
    still_serves(shared)


@FUZZ
@given(st.lists(TCP, min_size=1, max_size=6))
def test_tcp(shared, frames):
    before = shared.status()
    shared.send(*frames)
    after = shared.status()
    assert after["ethernet_received"] == before["ethernet_received"] + len(frames)
    still_serves(shared)


@FUZZ
@given(
    st.lists(
        st.tuples(
            st.integers(0, 31),
            st.integers(-70000, 70000),
            st.integers(-3000, 3000),
            st.integers(0, 65535),
            st.binary(max_size=60),
            st.integers(0, 400),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_tcp_inside_a_connection(shared, segments):
    """Near-miss numbers on an open connection whose upper layer echoes and closes."""
    shared.mode(echo=True)
    client = Client(shared, 51000, sequence=shared.status()["now"] // 1000 % 2**32).connect()
    for flags, sequence, acknowledgment, window, data, milliseconds in segments:
        shared.send(
            client.segment(
                flags,
                data,
                sequence=client.next + sequence // 1000,
                window=window,
                acknowledgment=client.expected + acknowledgment // 100,
            )
        )
        shared.run(milliseconds * 1_000_000)
    shared.mode()
    shared.run(200 * SECOND)
    shared.run_for(600 * SECOND, 12 * SECOND)
    status = shared.status()
    assert status["connections"] == 0 and status["pending"] == 0
    still_serves(shared)


@settings(FUZZ, max_examples=40)
@given(st.data())
def test_dhcp(program, data):
    kernel = Kernel(program, "port=80")
    try:
        (discover,) = messages(kernel)
        honest = reply(discover, OFFER)
        for _ in range(8):
            body = data.draw(damaged(honest[42:], 0))
            kernel.send(wire.udp(body, 67, 68, wire.HOST, "255.255.255.255"))
        kernel.take()
        status = kernel.status()
        assert status["dhcp_malformed"] + status["dhcp_ignored"] + status["dhcp_sent"] >= 9
        kernel.run_for(11 * SECOND, SECOND)
        kernel.take()
        kernel.neighbours = {wire.HOST: wire.HOST_MAC}
        kernel.send(wire.ipv4(wire.icmp_echo(1, 1, b"alive"), 1))
        assert kernel.status()["ipv4_received"] >= 9
    finally:
        kernel.close()


@FUZZ
@given(honest=st.sampled_from(["S", "A", "PA", "FA", "R"]), data=st.data())
def test_damaged_segments_never_pass_the_checksum(shared, honest, data):
    frame = wire.tcp(honest, 39999, 1, 1, data=b"some data to damage")
    at = data.draw(st.integers(34, len(frame) - 1))
    bit = data.draw(st.integers(0, 7))
    made = bytearray(frame)
    made[at] ^= 1 << bit
    before = shared.status()
    shared.send(bytes(made))
    after = shared.status()
    moved = [k for k in ("tcp_bad_checksum", "tcp_malformed") if after[k] != before[k]]
    assert len(moved) == 1 and shared.segments() == []


def test_struct_of_a_udp_datagram_longer_than_its_packet(shared):
    shared.send(wire.ipv4(struct.pack("!HHHH", 67, 68, 2000, 0) + bytes(50), 17))
    still_serves(shared)
