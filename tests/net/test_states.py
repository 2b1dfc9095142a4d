"""Every state: how it is reached, what a reset, a SYN and a stray segment do in it, how it ends."""

import pytest

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import MILLISECOND, SECOND


def established(kernel) -> Client:
    return Client(kernel).connect()


def fin_wait_1(kernel) -> Client:
    client = established(kernel)
    kernel.close_stream(client.stream)
    (fin,) = client.answers()
    assert fin.has("FA") and fin.sequence == client.expected
    return client


def fin_wait_2(kernel) -> Client:
    client = fin_wait_1(kernel)
    client.expected += 1
    assert client.send("A") == []
    return client


def close_wait(kernel) -> Client:
    client = established(kernel)
    (ack,) = client.send("FA")
    assert ack.acknowledgment == client.next
    return client


def closing(kernel) -> Client:
    client = fin_wait_1(kernel)
    (ack,) = client.send("FA")  # it does not acknowledge the kernel's FIN
    assert ack.acknowledgment == client.next
    return client


def last_ack(kernel) -> Client:
    client = close_wait(kernel)
    kernel.close_stream(client.stream)
    (fin,) = client.answers()
    assert fin.has("FA")
    return client


LIVE = [established, fin_wait_1, fin_wait_2, close_wait, closing, last_ack]


@pytest.mark.parametrize("reach", LIVE)
def test_reset_at_the_exact_number_ends_it(kernel, reach):
    before = kernel.status()["heap_blocks"]
    client = reach(kernel)
    client.events()
    assert client.send("R") == []
    assert [e.kind for e in client.events()] == ["X"]
    status = kernel.status()
    assert status["connections"] == 0 and status["heap_blocks"] == before and status["waiting"] == 0


@pytest.mark.parametrize("reach", LIVE)
def test_reset_elsewhere_in_the_window_is_challenged(kernel, reach):
    client = reach(kernel)
    (challenge,) = client.send("R", sequence=client.next + 100)
    assert challenge.flags == wire.ACK and challenge.acknowledgment == client.next
    assert client.send("R", sequence=client.next + 2**20) == []
    assert client.send("R", sequence=client.next - 1) == []
    assert kernel.status()["connections"] == 1


@pytest.mark.parametrize("reach", LIVE)
@pytest.mark.parametrize("offset", [0, 50, -500, 10**6])
def test_syn_is_challenged(kernel, reach, offset):
    client = reach(kernel)
    (challenge,) = client.send("S", sequence=client.next + offset, acknowledgment=0)
    assert challenge.flags == wire.ACK and challenge.acknowledgment == client.next
    assert kernel.status()["connections"] == 1


@pytest.mark.parametrize("reach", LIVE)
def test_acknowledgments_of_what_was_never_sent_are_challenged(kernel, reach):
    client = reach(kernel)
    before = kernel.status()["tcp_challenges"]
    client.send("A", acknowledgment=client.expected + 5000)
    client.send("A", acknowledgment=client.expected - 2**20)
    assert kernel.status()["tcp_challenges"] == before + 2
    assert kernel.status()["connections"] == 1


def test_challenges_are_bounded(client, kernel):
    client.answers()
    for _ in range(3):
        kernel.send(*(client.segment("S", sequence=client.next + i) for i in range(100)))
    assert len(client.answers()) == 100
    kernel.run(SECOND)
    assert len(client.send("S", sequence=client.next + 1)) == 1


@pytest.mark.parametrize("reach", LIVE)
def test_a_segment_without_ack_is_dropped(kernel, reach):
    client = reach(kernel)
    assert client.send("P", b"hello", advance=False) == []
    assert client.events("R") == []


def test_we_close_first(kernel):
    client = fin_wait_2(kernel)
    (ack,) = client.send("FA")
    assert ack.flags == wire.ACK and ack.acknowledgment == client.next
    assert [e.kind for e in client.events()] == ["X"]
    status = kernel.status()
    assert (status["connections"], status["waiting"]) == (0, 1)


def test_the_peer_closes_first(kernel):
    client = close_wait(kernel)
    assert [e.kind for e in client.events()] == ["N"]
    kernel.write(client.stream, b"still here")
    kernel.close_stream(client.stream)
    (last,) = client.answers()
    assert last.data == b"still here" and last.has("F"), "the FIN rides on the data"
    client.follow([last])
    assert client.send("A") == []
    assert [e.kind for e in client.events()] == ["X"]
    status = kernel.status()
    assert (status["connections"], status["waiting"]) == (0, 0)


def test_both_close_at_once(kernel):
    client = closing(kernel)
    client.expected += 1
    assert client.send("A") == []
    assert [e.kind for e in client.events()] == ["X"]
    assert kernel.status()["waiting"] == 1


def test_fin_that_acknowledges_ours(kernel):
    client = fin_wait_1(kernel)
    client.expected += 1
    (ack,) = client.send("FA")
    assert ack.acknowledgment == client.next
    assert [e.kind for e in client.events()] == ["X"]
    assert kernel.status()["waiting"] == 1


def test_fin_with_data(client, kernel):
    (ack,) = client.send("FPA", b"goodbye")
    assert ack.acknowledgment == client.next
    assert [(e.kind, e.data) for e in client.events()] == [("R", b"goodbye"), ("N", b"")]


def test_fin_before_its_data(client, kernel):
    start = client.next
    duplicate, *_ = client.send("FA", sequence=start + 5)
    assert duplicate.acknowledgment == start and client.events() == []
    assert client.send("PA", b"hello")
    kernel.segments()
    assert [(e.kind, e.data) for e in client.events()] == [("R", b"hello"), ("N", b"")]
    (final,) = client.send("A", sequence=start + 5)
    assert final.acknowledgment == start + 6, "an old number: told what is expected"


def test_data_after_our_close_is_acknowledged_and_dropped(kernel):
    client = fin_wait_2(kernel)
    (ack,) = client.send("PA", b"too late")
    assert ack.acknowledgment == client.next and not ack.has("R")
    assert client.events("R") == []


def test_unread_data_is_dropped_on_close(kernel):
    kernel.mode(appetite=0)
    client = established(kernel)
    client.send("PA", b"unread")
    kernel.close_stream(client.stream)
    assert len(client.answers()) == 1
    client.expected += 1
    client.send("FA")
    assert client.events("X")


def test_data_beyond_the_peers_fin_is_ignored(kernel):
    client = close_wait(kernel)
    client.events()
    client.send("PA", b"more")
    assert client.events() == []


@pytest.mark.parametrize("reach", [fin_wait_1, fin_wait_2, closing, last_ack])
def test_a_peer_that_vanishes_after_our_close(kernel, reach):
    before = kernel.status()["heap_blocks"]
    client = reach(kernel)
    kernel.run_for(61 * SECOND, SECOND)
    assert [e.kind for e in client.events("X")] == ["X"]
    status = kernel.status()
    assert status["connections"] == 0 and status["heap_blocks"] == before


def test_abort_resets(client, kernel):
    kernel.write(client.stream, b"x" * 10)
    kernel.abort_stream(client.stream)
    (reset,) = [each for each in client.answers() if each.has("R")]
    assert reset.sequence == client.expected
    assert [e.kind for e in client.events()] == ["X"]
    (again,) = client.send("A")
    assert again.flags == wire.RST


def time_wait(kernel) -> Client:
    client = fin_wait_2(kernel)
    client.send("FA")
    kernel.take_events()
    return client


def test_time_wait_answers_a_repeated_fin(kernel):
    client = time_wait(kernel)
    (ack,) = client.send("FA", sequence=client.next - 1)
    assert (
        ack.flags == wire.ACK
        and ack.acknowledgment == client.next
        and ack.sequence == client.expected
    )


def test_a_repeated_fin_prolongs_time_wait(kernel):
    client = time_wait(kernel)
    kernel.run(40 * SECOND)
    client.send("FA", sequence=client.next - 1)
    kernel.run(40 * SECOND)
    assert kernel.status()["waiting"] == 1
    kernel.run(20 * SECOND)
    assert kernel.status()["waiting"] == 0


def test_time_wait_ignores_resets_and_pure_acks(kernel):
    client = time_wait(kernel)
    assert client.send("R") == [] and client.send("A") == []
    assert kernel.status()["waiting"] == 1


def test_time_wait_ends(kernel):
    client = time_wait(kernel)
    kernel.run(59 * SECOND)
    assert kernel.status()["waiting"] == 1
    kernel.run(1 * SECOND)
    assert kernel.status()["waiting"] == 0
    (reset,) = client.send("A")
    assert reset.flags == wire.RST


def test_time_wait_gives_way_to_a_newer_syn(kernel):
    old = time_wait(kernel)
    (ack,) = Client(kernel, sequence=old.next - 10).send("S", acknowledgment=0)
    assert ack.flags == wire.ACK, "an older one is answered for the old connection"
    kernel.run(MILLISECOND)
    client = Client(kernel, sequence=old.next + 1).connect()
    assert (client.iss - old.iss) % 2**32 < 2**31 and kernel.status()["waiting"] == 0


def test_time_wait_is_bounded(kernel):
    for i in range(100):
        client = Client(kernel, 41000 + i).connect()
        kernel.close_stream(client.stream)
        client.follow(client.answers())
        client.send("FA")
        kernel.take_events()
    status = kernel.status()
    assert status["waiting"] == 64 and status["connections"] == 0


def test_keep_alive_finds_the_living(client, kernel):
    for _ in range(5):
        kernel.run(60 * SECOND)
        (probe,) = client.answers()
        assert (probe.sequence, probe.data) == (client.expected - 1, b"")
        client.send("A")
    assert kernel.status()["connections"] == 1


def test_keep_alive_drops_the_dead(client, kernel):
    before = kernel.status()["heap_blocks"]
    probes = []
    for second in range(1, 125):
        kernel.run(SECOND)
        probes += [second for each in client.answers() if not each.has("R")]
    assert probes == [60, 70, 80, 90, 100]
    assert [e.kind for e in client.events()] == ["X"]
    status = kernel.status()
    assert status["connections"] == 0 and status["heap_blocks"] == before


def test_we_answer_keep_alive_probes(client, kernel):
    for data in (b"", b"\0"):
        (ack,) = client.send("A", data, sequence=client.next - 1)
        assert ack.acknowledgment == client.next
    assert client.events() == []


def test_the_next_timer_is_known(client, kernel):
    status = kernel.status()
    assert status["deadline"] - status["now"] <= 60 * SECOND
    kernel.write(client.stream, b"x")
    kernel.run()
    status = kernel.status()
    assert 0 < status["deadline"] - status["now"] <= SECOND
    kernel.write(client.stream, b"y")
    assert kernel.status()["deadline"] == 0, "something to send now"
