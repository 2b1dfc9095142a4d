"""What the kernel takes: order, overlap, windows, and an upper layer that is not always hungry."""

import random

import pytest

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import ALL, SECOND

MSS = 1460
CAPACITY = 262144  # tests/net/appliance.h


def data_of(client) -> bytes:
    return b"".join(e.data for e in client.events("R"))


def test_one_acknowledgment_for_a_burst(client, kernel):
    frames = [client.segment("A", bytes(MSS), sequence=client.next + i * MSS) for i in range(8)]
    kernel.send(*frames)
    (ack,) = client.answers()
    assert ack.acknowledgment == client.next + 8 * MSS


def test_each_segment_out_of_order_is_answered_at_once(client, kernel):
    start = client.next
    frames = [client.segment("A", b"x", sequence=start + i) for i in (1, 2, 3)]
    kernel.send(*frames)
    assert [a.acknowledgment for a in client.answers()] == [
        start
    ] * 3, "three duplicates for the sender"
    ack, *_ = client.send("A", b"x", sequence=start)
    assert ack.acknowledgment == start + 4, "the hole is filled: told at once"
    assert data_of(client) == b"xxxx"


@pytest.mark.parametrize("seed", range(12))
def test_any_order_any_overlap_gives_the_same_bytes(client, kernel, seed):
    """Pieces of random size and place, doubled and overlapping, in random order."""
    draw = random.Random(seed)
    whole = draw.randbytes(8000)
    pieces = [(i, min(i + draw.randint(1, 900), 8000)) for i in range(0, 8000, 300)]
    pieces += [(a, min(a + draw.randint(1, 1400), 8000)) for a in draw.choices(range(8000), k=20)]
    pieces += [(i, min(i + 300, 8000)) for i in range(0, 8000, 300)]
    draw.shuffle(pieces)
    start = client.next
    for _ in range(3):  # more runs than can be remembered are dropped, and come again
        for a, b in pieces:
            client.send("A", whole[a:b], sequence=start + a)
    (ack,) = client.send("A", sequence=start - 1)
    assert ack.acknowledgment == start + 8000
    assert data_of(client) == whole


def test_early_runs_are_bounded(client, kernel):
    start = client.next
    for i in range(60):
        client.send("A", b"y", sequence=start + 1 + 2 * i)
    for i in range(60):
        client.send("A", b"x", sequence=start + 2 * i)
    (ack,) = client.send("A", sequence=start - 1)
    assert (
        start + 64 <= ack.acknowledgment < start + 120
    ), "32 runs were kept, the rest must come again"
    for i in range(120):
        client.send("A", b"xy"[i % 2 : i % 2 + 1], sequence=start + i)
    assert data_of(client) == b"xy" * 60


def test_repeated_data_is_acknowledged_not_delivered(client, kernel):
    start = client.next
    client.send("A", b"hello")
    (ack,) = client.send("A", b"hello", sequence=start)
    assert ack.acknowledgment == start + 5
    (ack,) = client.send("A", b"hello world", sequence=start)
    assert ack.acknowledgment == start + 11 and data_of(client) == b"hello world"


def test_data_outside_the_window_is_refused_with_an_acknowledgment(client, kernel):
    for offset in (65535 + 200000, 2**30, 2**31 - 1):
        (ack,) = client.send("A", b"far", sequence=client.next + offset)
        assert ack.acknowledgment == client.next
    assert data_of(client) == b"" and kernel.status()["connections"] == 1


def test_the_window_closes_when_nobody_reads_and_opens_when_somebody_does(kernel):
    kernel.mode(appetite=0)
    client = Client(kernel)
    client.connect(wire.mss_option(MSS) + wire.scale_option(0))
    sent, window = 0, 65535
    while window >= MSS:
        (ack,) = client.send("A", bytes([sent // MSS % 256]) * MSS)
        window, sent = ack.window << 3, sent + MSS
        assert ack.acknowledgment == client.next
        assert window <= CAPACITY - sent
    assert sent > CAPACITY - 2 * MSS
    left = CAPACITY - sent
    (ack,) = client.send("A", bytes(MSS), advance=False)  # more than fits: the rest is cut off
    assert ack.acknowledgment == client.next + left and ack.window == 0
    client.next += left
    (ack,) = client.send("A", b"p", advance=False)  # a probe
    assert ack.acknowledgment == client.next and ack.window == 0
    client.events()
    kernel.mode(client.stream, appetite=ALL)
    kernel.resume_stream(client.stream)
    (update,) = client.answers()
    assert update.window << 3 == CAPACITY, "told without being asked"
    assert len(data_of(client)) == CAPACITY


def test_small_reads_do_not_open_a_silly_window(kernel):
    kernel.mode(appetite=0)
    client = Client(kernel)
    client.connect(wire.mss_option(MSS) + wire.scale_option(0))
    for _ in range(CAPACITY // MSS):
        client.send("A", bytes(MSS))
    client.send("A", bytes(CAPACITY % MSS))
    kernel.mode(client.stream, appetite=100)
    for _ in range(14):
        kernel.resume_stream(client.stream)
        (ack,) = client.send("A", sequence=client.next - 1)
        assert ack.window == 0
    kernel.resume_stream(client.stream)
    (ack,) = client.send("A", sequence=client.next - 1)
    assert ack.window << 3 >= MSS


def test_without_scaling_the_window_stays_below_64_kib(client, kernel):
    (ack,) = client.send("A", bytes(MSS))
    assert ack.window in range(65535 - MSS, 65536)
    total = MSS
    while total < 3 * 65536:
        (ack,) = client.send("A", bytes(MSS))
        total += MSS
    assert len(data_of(client)) == total


def test_unconsumed_bytes_come_again_in_one_piece_with_the_next(client, kernel):
    kernel.mode(client.stream, appetite=0)
    client.send("A", b"GET / HT")
    client.events()
    kernel.mode(client.stream, appetite=ALL)
    client.send("A", b"TP/1.1")
    assert [e.data for e in client.events("R")] == [b"GET / HTTP/1.1"]


def test_resume_offers_again(client, kernel):
    kernel.mode(client.stream, appetite=3)
    client.send("A", b"abcdefg")
    kernel.resume_stream(client.stream)
    kernel.resume_stream(client.stream)
    kernel.resume_stream(client.stream)
    assert [e.data for e in client.events("R")] == [b"abc", b"def", b"g"]


def test_the_end_comes_after_the_last_byte_was_taken(client, kernel):
    kernel.mode(client.stream, appetite=3)
    client.send("FA", b"abcde")
    assert [e.kind for e in client.events()] == ["R"]
    assert (
        kernel.status()["deadline"] > kernel.status()["now"]
    ), "nothing to do until somebody reads"
    kernel.resume_stream(client.stream)
    assert [e.kind for e in client.events()] == ["R", "N"]


def test_urgent_data_is_delivered_in_line(client, kernel):
    client.send(wire.PSH | wire.ACK | 0x20, b"now", sequence=client.next)
    assert data_of(client) == b"now"


def test_many_connections_do_not_mix(kernel):
    kernel.mode(echo=True)
    clients = [Client(kernel, 41000 + i, 1000 * i).connect() for i in range(8)]
    for turn in range(20):
        for i, client in enumerate(clients):
            (answer,) = client.send("PA", f"{i}:{turn}".encode())
            assert answer.data == f"{i}:{turn}".encode()
            client.follow([answer])


def test_same_port_other_address(kernel):
    kernel.neighbours["10.0.2.3"] = wire.HOST_MAC
    client = Client(kernel).connect()
    kernel.send(wire.tcp("S", client.port, 5000, source="10.0.2.3"))
    (answer,) = kernel.segments()
    assert answer.has("SA") and answer.destination == "10.0.2.3"
    assert kernel.status()["connections"] == 1 and kernel.status()["pending"] == 1


def test_the_echo_of_more_than_the_buffers_hold(kernel):
    kernel.mode(echo=True)
    client = Client(kernel, window=65535).connect()
    whole = bytes(i * 13 % 256 for i in range(200_000))
    at, back, stalled = 0, b"", 0
    while len(back) < len(whole):
        assert stalled < 200
        answers = client.send("A", whole[at : at + MSS])
        at += MSS if at < len(whole) else 0
        got = client.follow(answers)
        back += got
        stalled = 0 if got or at < len(whole) else stalled + 1
        if not got:
            kernel.run(SECOND // 4)
            back += client.follow(client.answers())
    assert back == whole


# ---- buffers ----


def test_a_connection_has_buffers_from_its_first_octets_until_it_rests(client, kernel):
    blocks = lambda: kernel.status()["heap_blocks"]  # noqa: E731
    before = blocks()
    for _ in range(2):
        client.send("PA", b"ask")
        assert kernel.received(client.stream) == b"ask" and blocks() == before + 2
        assert kernel.write(client.stream, b"answer") == 6
        kernel.run()
        client.follow(client.answers())
        kernel.rest_stream(client.stream)
        assert blocks() == before + 2, "the answer may have to be sent again"
        client.send("A")
        kernel.rest_stream(client.stream)
        assert blocks() == before
        kernel.rest_stream(client.stream)
    client.send("FA")
    kernel.close_stream(client.stream)
    client.follow(client.answers())
    client.send("A")
    assert kernel.status()["connections"] == 0 and blocks() == before


def test_a_connection_does_not_rest_while_octets_wait(client, kernel):
    kernel.mode(client.stream, appetite=0)
    client.send("PA", b"ask")
    kernel.rest_stream(client.stream)
    kernel.mode(client.stream, appetite=ALL)
    kernel.resume_stream(client.stream)
    assert kernel.received(client.stream) == b"ask"
    client.send("PA", b"late", sequence=client.next + 1)
    kernel.rest_stream(client.stream)
    client.send("PA", b"x")
    assert kernel.received(client.stream) == b"xlate"


@pytest.mark.parametrize("failing", [1, 2])
def test_octets_for_which_there_is_no_memory_come_again(client, kernel, failing):
    before = kernel.status()["heap_blocks"]
    kernel.heap_fails(failing)
    assert client.send("PA", b"now", advance=False) == []
    status = kernel.status()
    assert (status["heap_blocks"], status["connections"]) == (before, 1)
    client.send("PA", b"now")
    assert kernel.received(client.stream) == b"now"
