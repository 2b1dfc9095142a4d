"""Opening connections: options, loss, the backlog, and numbers nobody can guess."""

import itertools
import struct

import pytest

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import MILLISECOND, REFUSE, SECOND

BACKLOG, CONNECTIONS = 4, 8  # tests/net/appliance.h


def test_handshake_and_echo(kernel):
    kernel.mode(echo=True)
    client = Client(kernel).connect()
    (answer,) = client.send("PA", b"hello")
    assert answer.data == b"hello" and answer.has("PA")
    assert answer.acknowledgment == client.next, "the answer carries the acknowledgment"
    client.follow([answer])
    assert client.send("A") == []
    assert kernel.status()["now"] == MILLISECOND, "no timer was waited for"


def test_syn_ack_offers_mss_and_scales_only_if_asked(kernel):
    plain = Client(kernel, 40001).syn(b"")
    assert plain.options == {2: struct.pack("!H", 1460)} and plain.window == 65535
    scaled = Client(kernel, 40002).syn(wire.mss_option(1460) + wire.scale_option(7))
    assert scaled.options == {
        2: struct.pack("!H", 1460),
        3: b"\3",
    }, "262,144 octets need a shift of 3"
    assert scaled.window == 65535, "a SYN's own window is not scaled"


def test_unknown_options_are_ignored(kernel):
    client = Client(kernel)
    client.connect(b"\x04\x02" + b"\x08\x0a" + bytes(8) + b"\xfd\x04ab" + wire.mss_option(100))
    assert kernel.write(client.stream, bytes(100)) == 100
    kernel.run()
    assert [len(each.data) for each in client.answers()] == [100]


@pytest.mark.parametrize(
    "options, size",
    [
        (wire.mss_option(300), 300),
        (b"", 536),
        (wire.mss_option(9000), 1460),
        (wire.mss_option(1), 64),
    ],
)
def test_segments_are_no_longer_than_the_peer_takes(kernel, options, size):
    client = Client(kernel).connect(options)
    kernel.write(client.stream, bytes(4 * size))
    kernel.run()
    assert [len(each.data) for each in client.answers()] == [size] * 4


def test_syn_ack_is_repeated_with_growing_pauses_then_forgotten(kernel):
    client = Client(kernel)
    client.syn()
    times = []
    for second in range(1, 80):
        kernel.run(SECOND)
        for answer in client.answers():
            assert answer.has("SA") and answer.sequence == client.iss
            times.append(second)
    assert times == [1, 3, 7, 15, 31]
    assert kernel.status()["pending"] == 0
    (reset,) = client.send("A")
    assert reset.flags == wire.RST


def test_a_repeated_syn_gets_the_same_answer(kernel):
    client = Client(kernel)
    first = client.syn()
    kernel.run(300 * MILLISECOND)
    (again,) = client.send(
        "S", sequence=client.start, options=wire.mss_option(1460), acknowledgment=0
    )
    assert again == first and kernel.status()["pending"] == 1


def test_data_may_finish_the_handshake(kernel):
    client = Client(kernel)
    client.syn()
    (ack,) = client.send("PA", b"first")
    assert ack.acknowledgment == client.next
    assert kernel.take_events("O") and kernel.received(0) == b"first"


def test_data_that_overtakes_the_ack_is_kept(kernel):
    client = Client(kernel)
    client.syn()
    client.send("PA", b"world", sequence=client.next + 6)
    assert kernel.take_events("O")
    (ack,) = client.send("PA", b"hello ")
    assert ack.acknowledgment == client.start + 1 + 11 and kernel.received(0) == b"hello world"


def test_fin_may_finish_the_handshake(kernel):
    client = Client(kernel)
    client.syn()
    (ack,) = client.send("FA")
    assert ack.acknowledgment == client.next
    assert [e.kind for e in kernel.take_events()] == ["O", "N"]


def test_data_in_the_syn_is_not_acknowledged(kernel):
    client = Client(kernel)
    (answer,) = client.send("S", b"early", acknowledgment=0)
    assert answer.acknowledgment == client.start + 1


@pytest.mark.parametrize("wrong", [-1, 1, 1000])
def test_a_wrong_ack_is_reset_and_the_handshake_goes_on(kernel, wrong):
    client = Client(kernel)
    client.syn()
    (reset,) = client.send("A", acknowledgment=client.expected + wrong)
    assert reset.flags == wire.RST and reset.sequence == (client.expected + wrong) % 2**32
    assert kernel.status()["connections"] == 0
    client.send("A")
    assert kernel.status()["connections"] == 1


def test_resets_of_a_half_open_connection(kernel):
    client = Client(kernel)
    client.syn()
    assert client.send("R", sequence=client.next + 70000) == [], "outside the window: ignored"
    (challenge,) = client.send("R", sequence=client.next + 1)
    assert challenge.flags == wire.ACK and kernel.status()["pending"] == 1
    assert client.send("R", sequence=client.next) == []
    assert kernel.status()["pending"] == 0


def test_a_different_syn_on_a_half_open_connection_is_challenged(kernel):
    client = Client(kernel)
    client.syn()
    (challenge,) = client.send("S", sequence=client.start + 5000, acknowledgment=0)
    assert challenge.flags == wire.ACK and challenge.acknowledgment == client.next
    assert client.send("A") == [] and kernel.status()["connections"] == 1


def test_backlog_is_bounded_and_the_oldest_makes_room_after_three_seconds(kernel):
    clients = [Client(kernel, 41000 + i) for i in range(BACKLOG)]
    for client in clients:
        client.syn()
    late = Client(kernel, 42000)
    assert late.send("S", acknowledgment=0) == []
    assert kernel.status()["tcp_backlog_full"] == 1
    kernel.run(2999 * MILLISECOND)
    assert late.send("S", sequence=late.start, acknowledgment=0) == []
    kernel.run(1 * MILLISECOND)
    kernel.segments()
    (answer,) = late.send("S", sequence=late.start, acknowledgment=0)
    assert answer.has("SA") and kernel.status()["pending"] == BACKLOG
    assert (
        clients[1].send("A") == [] and kernel.status()["connections"] == 1
    ), "the others were kept"


def test_a_syn_flood_costs_nothing_and_a_client_gets_through(kernel):
    before = kernel.status()
    for burst in range(20):
        kernel.send(
            *(wire.tcp("S", 1024 + burst * 50 + i, 1, source=f"198.51.100.{i}") for i in range(50))
        )
        kernel.run(100 * MILLISECOND)
        kernel.take()
    status = kernel.status()
    assert status["pending"] == BACKLOG and status["connections"] == 0
    assert status["tcp_backlog_full"] > 900
    assert status["heap_blocks"] <= before["heap_blocks"]
    kernel.run(3 * SECOND)
    kernel.take()
    Client(kernel).connect()


def test_connections_are_bounded(kernel):
    clients = [Client(kernel, 41000 + i).connect() for i in range(CONNECTIONS)]
    late = Client(kernel, 42000)
    assert late.send("S", acknowledgment=0) == [] and kernel.status()["tcp_no_room"] == 1
    clients[3].send("R")
    late.next = late.start
    late.connect()
    assert len({c.stream for c in [*clients, late]}) == CONNECTIONS + 1


def test_a_connection_that_can_be_spared_makes_room(kernel):
    """When the newcomer's handshake is finished: a SYN alone, which anybody can forge, costs nobody a place."""
    clients = [Client(kernel, 41000 + i).connect() for i in range(CONNECTIONS)]
    spared, late = clients[2], Client(kernel, 42000)
    kernel.spare(spared.stream)
    late.syn()
    assert kernel.status()["tcp_spared"] == 0 and spared.events() == []
    kernel.send(late.segment("PA", b"hello"))
    resets = [each for each in kernel.segments() if each.has("R")]
    assert [(each.port, each.sequence) for each in resets] == [(41002, spared.expected)]
    events = [(event.kind, event.stream) for event in kernel.take_events("XO")]
    assert events == [("X", spared.stream), ("O", CONNECTIONS)]
    assert kernel.received(CONNECTIONS) == b"hello"
    assert any("10.0.2.2:41002: idle longest, makes room" in line for line in kernel.log)
    status = kernel.status()
    assert status["tcp_spared"] == 1 and status["connections"] == CONNECTIONS


def test_data_under_way_is_not_spared(kernel):
    clients = [Client(kernel, 41000 + i).connect() for i in range(CONNECTIONS)]
    kernel.spare(clients[0].stream)
    kernel.write(clients[0].stream, b"an answer")
    kernel.run()
    clients[0].follow(clients[0].answers())
    late = Client(kernel, 42000)
    assert late.send("S", acknowledgment=0) == []
    clients[0].send("A")  # it has come
    kernel.mode(clients[0].stream, appetite=0)
    clients[0].send("PA", b"a request")
    assert late.send("S", sequence=late.start, acknowledgment=0) == []
    kernel.mode(clients[0].stream)
    kernel.resume_stream(clients[0].stream)
    late.next = late.start
    late.connect()


def test_more_handshakes_than_slots_keeps_the_last_waiting(kernel):
    """The slot may be taken between SYN and ACK: the client is served when one is free again."""
    clients = [Client(kernel, 41000 + i).connect() for i in range(CONNECTIONS - 1)]
    pair = [Client(kernel, 42000 + i) for i in range(2)]
    for client in pair:
        client.syn()
    pair[0].send("A")
    assert pair[1].send("PA", b"hello", advance=False) == []
    clients[0].send("R")
    (ack,) = pair[1].send("PA", b"hello")
    assert ack.acknowledgment == pair[1].next


def test_the_upper_layer_may_refuse(kernel):
    kernel.mode(appetite=REFUSE)
    client = Client(kernel)
    client.syn()
    (reset,) = client.send("A")
    assert reset.has("R") and reset.sequence == client.expected
    assert kernel.take_events() == [] and kernel.status()["connections"] == 0


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_no_memory_for_the_tables(boot, failing):
    kernel = boot(failing_allocations=failing)
    assert not kernel.started
    assert any("no memory" in line for line in kernel.log)


def test_initial_numbers_rise_for_one_pair_and_differ_between_pairs(boot):
    kernel = boot()
    rises = []
    for _ in range(2):
        client = Client(kernel, 41000)
        rises.append(client.syn().sequence)
        client.send("R", sequence=client.next)
        kernel.run(SECOND)
    assert (rises[1] - rises[0]) % 2**32 == 250_000, "a tick each 4 microseconds"
    offsets = set()
    for port in range(41001, 41033):
        client = Client(kernel, port)
        offsets.add(client.syn().sequence)
        client.send("R", sequence=client.next)
    ordered = sorted(offsets)
    gaps = {b - a for a, b in itertools.pairwise(ordered)}
    assert len(offsets) == 32 and len(gaps) > 28, "no pattern from port to port"
    assert max(offsets) - min(offsets) > 2**30


def test_the_hash_is_siphash(kernel):
    """Vectors of the reference implementation: key 00..0f, input 00, 00 01, ..."""
    key = bytes(range(16))
    expected = {
        0: 0x726FDB47DD0E0E31,
        1: 0x74F839C593DC67FD,
        7: 0xAB0200F58B01D137,
        8: 0x93F5F5799A932462,
        15: 0xA129CA6149BE45E5,
    }
    assert {n: kernel.siphash(key, bytes(range(n))) for n in expected} == expected


def test_initial_numbers_depend_on_the_key(boot):
    first, same = Client(boot()).syn(), Client(boot()).syn()
    assert (
        first.sequence == same.sequence
    ), "the key, the pair and the time are all there is to them"
    other = boot("ip=10.0.2.15/24 seed=77")
    other.take()
    assert Client(other).syn().sequence != first.sequence


@pytest.mark.parametrize("sequence", [0, 1, 2**31 - 3, 2**32 - 3, 2**32 - 1])
def test_sequence_numbers_may_wrap(kernel, sequence):
    kernel.mode(echo=True)
    client = Client(kernel, sequence=sequence).connect()
    for _ in range(3):
        (answer,) = client.send("PA", b"ab")
        assert answer.acknowledgment == client.next % 2**32
        assert client.follow([answer]) == b"ab"


def test_a_closed_port_resets(kernel):
    kernel.send(wire.tcp("S", 40000, 77, to_port=81))
    (reset,) = kernel.segments()
    assert reset.flags == wire.RST | wire.ACK and (reset.sequence, reset.acknowledgment) == (0, 78)
    assert reset.from_port == 81
    kernel.send(wire.tcp("PA", 40000, 77, 1234, data=b"x", to_port=81))
    (reset,) = kernel.segments()
    assert reset.flags == wire.RST and reset.sequence == 1234
    kernel.send(wire.tcp("R", 40000, 77, to_port=81), wire.tcp("RA", 40000, 77, to_port=80))
    assert kernel.segments() == [], "a reset never answers a reset"


def test_an_unknown_connection_is_reset(kernel):
    kernel.send(wire.tcp("PA", 40000, 77, 1234, data=b"GET"))
    (reset,) = kernel.segments()
    assert reset.flags == wire.RST and reset.sequence == 1234
