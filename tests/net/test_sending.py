"""What the kernel sends, when it sends it again, and how much it dares to have in flight."""

import itertools

from tests.net import wire
from tests.net.client import Client
from tests.net.kernel import MILLISECOND, SECOND

MSS = 1460


def pattern(count: int, start: int = 0) -> bytes:
    return bytes((start + i) * 7 % 251 for i in range(count))


def sent_at(kernel, client, total, step=10 * MILLISECOND):
    """Runs for `total`; (time in ms since now, segment) of all that goes out."""
    found, passed = [], 0
    while passed < total:
        kernel.run(step)
        passed += step
        found += [(passed // MILLISECOND, each) for each in client.answers()]
    return found


def measured(client):
    """Makes the kernel measure an immediate round trip, so that its timeout is the least one."""
    kernel = client.kernel
    for _ in range(12):
        kernel.write(client.stream, b"x")
        kernel.run()
        client.follow(client.answers())
        client.send("A")
    return client


def test_writes_of_one_pass_leave_together(client, kernel):
    for piece in (b"HTTP/1.1 200 OK\r\n", b"\r\n", b"body"):
        kernel.write(client.stream, piece)
    kernel.run()
    (segment,) = client.answers()
    assert segment.data == b"HTTP/1.1 200 OK\r\n\r\nbody" and segment.has("PA")


def test_a_small_write_does_not_wait_for_an_acknowledgment(client, kernel):
    for _i in range(5):
        kernel.write(client.stream, b"token")
        kernel.run()
        (segment,) = client.answers()
        assert segment.data == b"token"


def test_only_the_last_segment_of_a_burst_pushes(client, kernel):
    kernel.write(client.stream, pattern(3000))
    kernel.run()
    assert [(len(s.data), s.has("P")) for s in client.answers()] == [
        (MSS, False),
        (MSS, False),
        (80, True),
    ]


def test_data_is_repeated_with_back_off_then_given_up(client, kernel):
    measured(client)
    kernel.write(client.stream, b"lost")
    kernel.run()
    client.answers()
    sent = sent_at(kernel, client, 140 * SECOND)
    times = [at for at, s in sent if s.data == b"lost"]
    assert times == [250 * (2 ** (i + 1) - 1) for i in range(8)] + [times[8]]
    assert times[8] == times[7] + 60_000, "a minute at most"
    assert all(s.sequence == client.expected for _, s in sent if s.data)
    kernel.run_for(61 * SECOND, SECOND)
    assert any(s.has("R") for s in client.answers()) and [e.kind for e in client.events()] == ["X"]
    assert kernel.status()["tcp_timed_out"] == 1


def test_an_acknowledgment_stops_the_repetition(client, kernel):
    measured(client)
    kernel.write(client.stream, b"lost")
    kernel.run()
    client.answers()
    kernel.run(250 * MILLISECOND)
    assert client.follow(client.answers()) == b"lost"
    client.send("A")
    assert sent_at(kernel, client, 30 * SECOND, 100 * MILLISECOND) == []


def test_the_fin_is_repeated(client, kernel):
    measured(client)
    kernel.close_stream(client.stream)
    (fin,) = client.answers()
    kernel.run(250 * MILLISECOND)
    assert client.answers() == [fin]
    client.expected += 1
    client.send("A")
    assert sent_at(kernel, client, 10 * SECOND, 100 * MILLISECOND) == []


def test_data_and_fin_are_repeated_together(client, kernel):
    measured(client)
    kernel.write(client.stream, b"bye")
    kernel.close_stream(client.stream)
    (first,) = client.answers()
    assert first.data == b"bye" and first.has("F")
    kernel.run(250 * MILLISECOND)
    (again,) = client.answers()
    assert again == first and again.data == b"bye"


def test_the_timeout_follows_the_round_trip(client, kernel):
    for _ in range(30):
        kernel.write(client.stream, b"x")
        kernel.run()
        kernel.run(800 * MILLISECOND)
        client.follow([s for s in client.answers() if s.data][-1:])
        client.send("A")
        client.answers()
    kernel.write(client.stream, b"lost")
    kernel.run()
    client.answers()
    times = [at for at, s in sent_at(kernel, client, 2 * SECOND) if s.data]
    assert 800 <= times[0] <= 1600


def test_karn_repeated_segments_teach_nothing(client, kernel):
    measured(client)
    kernel.write(client.stream, b"lost")
    kernel.run()
    client.answers()
    kernel.run_for(5 * SECOND)
    client.follow(client.answers()[:1])
    client.send("A")  # five seconds later: which copy does it acknowledge?
    kernel.write(client.stream, b"next")
    kernel.run()
    client.answers()
    assert (
        kernel.status()["deadline"] - kernel.status()["now"] >= 2 * SECOND
    ), "the backed-off timeout stays"
    client.follow([])
    client.expected += 4
    client.send("A")
    kernel.write(client.stream, b"more")
    kernel.run()
    assert (
        kernel.status()["deadline"] - kernel.status()["now"] < SECOND
    ), "a clean sample ends the back-off"


def test_three_duplicates_repeat_at_once(client, kernel):
    measured(client)
    kernel.write(client.stream, pattern(6 * MSS))
    kernel.run()
    flight = client.answers()
    assert len(flight) == 6
    assert client.send("A") == [] and client.send("A") == []
    (again,) = client.send("A")
    assert again == flight[0] and again.data == flight[0].data
    assert kernel.status()["tcp_fast_retransmissions"] == 1
    client.expected = flight[-1].sequence + MSS
    assert client.send("A") == []


def test_a_loss_halves_what_may_be_in_flight(client, kernel):
    measured(client)
    kernel.write(client.stream, pattern(30 * MSS))
    kernel.run()
    flight = client.answers()
    assert len(flight) == 10
    for _ in range(3):
        client.send("A")
    client.expected = flight[-1].sequence + MSS
    assert len(client.send("A")) == 5


def test_two_losses_in_a_window_are_both_repaired_without_a_timeout(client, kernel):
    measured(client)
    kernel.write(client.stream, pattern(8 * MSS))
    kernel.run()
    flight = client.answers()
    for _ in range(3):
        *_, again = client.send("A") or [None]
    assert again == flight[0]
    client.expected = flight[3].sequence  # segments 0 to 2 are there, 3 is missing too
    repaired = client.send("A")
    assert repaired[0] == flight[3]
    assert kernel.status()["now"] == MILLISECOND


def test_duplicates_with_data_or_window_changes_are_not_counted(client, kernel):
    measured(client)
    kernel.write(client.stream, pattern(6 * MSS))
    kernel.run()
    client.answers()
    for i in range(4):
        assert not any(s.data for s in client.send("PA", b"x"))
        assert client.send("A", window=60000 + i) == []


def test_slow_start_doubles_and_a_timeout_returns_to_one(client, kernel):
    kernel.write(client.stream, pattern(60 * 1024))
    kernel.run()
    first = client.answers()
    assert len(first) == 10, "the initial window (RFC 6928)"
    for s in first:
        client.follow([s])
    client.send("A")
    kernel.run(2 * SECOND)
    timeout = [s for s in client.answers() if s.sequence == client.expected]
    assert timeout
    client.expected += MSS
    grown = client.send("A")
    assert 1 <= len(grown) <= 3, "after a timeout: one, then slow start"


def test_the_windows_are_obeyed(kernel):
    client = Client(kernel, window=3000).connect()
    kernel.write(client.stream, pattern(20000))
    kernel.run()
    flight = client.answers()
    assert sum(len(s.data) for s in flight) <= 3000
    data = client.follow(flight)
    while len(data) < 20000:
        answers = client.send("A")
        assert sum(len(s.data) for s in answers) <= 3000
        if not answers:
            kernel.run(300 * MILLISECOND)
            answers = client.answers()
        assert answers
        data += client.follow(answers)
    assert data == pattern(20000)


def test_a_scaled_window_is_understood(kernel):
    client = Client(kernel, window=500)
    client.connect(wire.mss_option(MSS) + wire.scale_option(4))  # 8,000 octets
    kernel.write(client.stream, pattern(30000))
    kernel.run()
    assert 8000 - MSS < sum(len(s.data) for s in client.answers()) <= 8000


def test_a_closed_window_is_probed_with_back_off_for_ever(client, kernel):
    measured(client)
    client.send("A", window=0)
    kernel.write(client.stream, b"waiting")
    kernel.run()
    assert client.answers() == []
    times = []
    for tick in range(1, 40 * 60):
        kernel.run(250 * MILLISECOND)
        for probe in client.answers():
            assert (probe.sequence, len(probe.data)) == (client.expected, 1)
            times.append(tick)
            client.send("A", window=0)
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses[:4] == sorted(pauses[:4]) and pauses[0] < pauses[3] and max(pauses) <= 240
    assert (
        len(times) > 10 and kernel.status()["connections"] == 1
    ), "an answering peer is never dropped"
    answers = client.send("A", window=1000)
    assert client.follow(answers) == b"waiting", "and when it opens all goes out"


def test_a_probe_may_be_accepted(client, kernel):
    measured(client)
    client.send("A", window=0)
    kernel.write(client.stream, b"abc")
    kernel.run()
    kernel.run(250 * MILLISECOND)
    assert client.follow(client.answers()) == b"a"
    assert client.send("A", window=0) == []
    assert client.follow(client.send("A", window=100)) == b"bc"


def test_a_fin_waits_behind_a_closed_window(client, kernel):
    measured(client)
    client.send("A", window=0)
    kernel.close_stream(client.stream)
    assert client.answers() == []
    kernel.run(SECOND)
    probe, *_ = client.answers()
    assert probe.has("F") and not probe.data
    client.expected += 1
    client.send("A", window=0)
    client.send("FA", window=0)
    assert [e.kind for e in client.events("X")] == ["X"]


def test_a_peer_that_answers_no_probe_is_dropped(client, kernel):
    measured(client)
    client.send("A", window=0)
    kernel.write(client.stream, b"abc")
    kernel.run_for(600 * SECOND, SECOND)
    assert [e.kind for e in client.events("X")] == ["X"]


def test_silly_windows_are_not_filled_octet_by_octet(client, kernel):
    measured(client)
    client.send("A", window=0)
    kernel.write(client.stream, pattern(5000))
    kernel.run()
    for window in (1, 10, 100, 1000):
        assert client.send("A", window=window) == [], "not worth a segment yet"
    (segment,) = client.send("A", window=1460)
    assert len(segment.data) == MSS
    client.follow([segment])
    client.send("A", window=600)
    kernel.run(SECOND)
    segment, *_ = client.answers()
    assert len(segment.data) == 600, "but not for ever: after the timeout what fits goes"


def test_a_shrunk_window_is_survived(client, kernel):
    measured(client)
    kernel.write(client.stream, pattern(5000))
    kernel.run()
    flight = client.answers()
    assert len(flight) == 4
    client.follow(flight[:1])
    client.send("A", window=0)
    kernel.run_for(5 * SECOND)
    client.answers()
    data = b""
    answers = client.send("A", window=65535)
    for _ in range(20):
        data += client.follow(answers)
        answers = client.send("A")
        if not answers:
            kernel.run(5 * SECOND)
            answers = client.answers()
    assert flight[0].data + data == pattern(5000)


def test_a_full_send_buffer_says_so_and_calls_back(kernel):
    client = Client(kernel, window=65535).connect()
    assert kernel.write(client.stream, bytes(60000)) == 60000
    assert kernel.write(client.stream, bytes(10000)) == 5536
    assert kernel.write(client.stream, b"x") == 0
    assert client.events("W") == []
    kernel.run()
    data = client.follow(client.answers())
    client.send("A")
    assert [e.kind for e in client.events("W")] == ["W"]
    assert kernel.write(client.stream, bytes(70000)) == len(data)


def test_a_busy_device_delays_but_loses_nothing(client, kernel):
    for busy in (1, 2, 3, 7):
        kernel.device_busy(busy)
        kernel.write(client.stream, pattern(4000))
        kernel.run()
        assert client.follow(client.answers()) == pattern(4000)
        client.send("A")
    kernel.device_busy(1)
    assert kernel.write(client.stream, b"x") == 1
    kernel.close_stream(client.stream)
    (last,) = client.answers()
    assert last.data == b"x" and last.has("F")


def test_a_busy_device_delays_acknowledgments_and_repetitions(client, kernel):
    kernel.device_busy(2)
    start = client.next
    frames = [
        client.segment("A", b"x", sequence=start + 1),
        client.segment("A", b"x", sequence=start),
    ]
    kernel.send(*frames)
    assert client.answers()[-1].acknowledgment == start + 2
    client.next = start + 2
    measured(client)
    kernel.write(client.stream, b"lost")
    kernel.run()
    client.answers()
    kernel.device_busy(3)
    kernel.run(250 * MILLISECOND)
    assert client.follow(client.answers()) == b"lost"
    client.send("A")
    assert sent_at(kernel, client, 10 * SECOND, 100 * MILLISECOND) == []


def test_after_a_pause_it_starts_gently(client, kernel):
    for _ in range(6):
        kernel.write(client.stream, pattern(60000))
        kernel.run()
        answers = client.answers()
        while answers:
            client.follow(answers)
            answers = client.send("A")
    kernel.run(20 * SECOND)
    kernel.write(client.stream, pattern(60000))
    kernel.run()
    assert len(client.answers()) == 10
