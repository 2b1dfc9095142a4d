"""What happens around messages: answers that come later, slow and vanishing clients, time."""

import re

import pytest

from tests.http.harness import LIMITS, parse_responses
from tests.http.messages import get, post

LATER = get("/later")


def statuses(output, methods=()):
    return [response.status for response in parse_responses(output, list(methods))]


# ---- answers that come later ----


def test_deferred_answer(http):
    assert http.exchange(LATER) == ("o", b"")
    assert http.answer(0, b"done") == b"1"
    state, output = http.output()
    assert state == "o" and parse_responses(output)[0].body == b"done"


def test_requests_behind_a_deferred_one_wait_their_turn(http):
    http.exchange(LATER + get() + LATER + post(b"x", "Content-Length: 1"))
    assert http.output() == ("o", b"")
    http.answer(0, b"first")
    assert [r.body for r in parse_responses(http.output()[1])] == [b"first", b"well"]
    http.answer(0, b"second")
    assert [r.body for r in parse_responses(http.output()[1])] == [b"second", b"x"]


def test_other_connections_are_served_meanwhile(http):
    http.exchange(LATER)
    http.open(1)
    http.feed(get(), stream=1)
    assert statuses(http.output(1)[1]) == [200]
    assert http.output(0) == ("o", b"")
    http.answer(0, b"done")
    assert statuses(http.output(0)[1]) == [200]


def test_streamed_answer_is_sent_piece_by_piece(http):
    http.exchange(LATER)
    http.answer(1)
    head = http.output()[1]
    assert b"Transfer-Encoding: chunked\r\n" in head
    assert b"Content-Type: text/event-stream\r\n" in head
    assert b"Cache-Control: no-cache\r\n" in head
    http.answer(2, b"data: 1\n\n")
    assert http.output()[1] == b"9\r\ndata: 1\n\n\r\n"
    http.answer(2, b"")
    assert http.output()[1] == b""
    http.answer(3)
    assert http.output() == ("o", b"0\r\n\r\n")
    http.feed(get())
    assert statuses(http.output()[1]) == [200]


def test_streamed_answer_to_http_1_0_ends_with_the_connection(http):
    http.exchange(get("/later", "Connection: keep-alive", version="1.0"))
    http.answer(1)
    http.answer(2, b"abc")
    state, output = http.output()
    assert state == "o" and output.endswith(b"\r\n\r\nabc")
    assert b"Transfer-Encoding" not in output and b"Connection: close\r\n" in output
    http.answer(3)
    assert http.output() == ("c", b"")


def test_handlers_error(http):
    http.exchange(post(b"{}", "Content-Length: 2", path="/defer"))
    http.answer(4, b'what "it" is')
    response = parse_responses(http.output()[1])[0]
    assert response.status == 422
    assert response.body == (
        b'{"error":{"message":"what \\"it\\" is","type":"invalid_request_error",'
        b'"param":"field","code":null}}'
    )


# ---- clients that leave ----


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("how", ["R", "E"])
def test_handler_is_told_once_that_its_client_left(http, how, begun):
    http.exchange(LATER)
    if begun:
        http.answer(1)
        http.answer(2, b"abc")
    http.command(how)
    assert http.heap()[1] == 1
    assert http.output()[0] == "g"
    assert http.answer(0, b"too late") == b"-"
    assert "GET /later gone " in http.log()


def test_only_the_right_handler_is_told(http):
    for stream in (0, 1, 2):
        http.open(stream)
        http.feed(LATER, stream=stream)
    http.command("R", 1)
    assert http.heap()[1] == 1
    http.answer(0, b"zero")
    http.answer(0, b"two")
    assert http.answer(0) == b"-"
    assert parse_responses(http.output(0)[1])[0].body == b"zero"
    assert parse_responses(http.output(2)[1])[0].body == b"two"


def test_answered_handlers_are_not_told(http):
    http.exchange(LATER)
    http.answer(0, b"done")
    http.command("R")
    assert http.heap() == (0, 0)


def test_client_that_half_closes_behind_its_request_gets_the_answer(http):
    http.open()
    http.feed(get())
    http.command("E")
    state, output = http.output()
    assert state == "g" and statuses(output) == [200]


def test_half_close_between_and_inside_requests(http):
    for part in (b"", get()[:20], post(b"abc", "Content-Length: 10")):
        http.exchange(part)
        http.command("E")
        assert http.output() == ("g", b"")
    assert http.heap() == (0, 0)


def test_half_close_while_a_large_answer_is_read(http):
    http.open()
    http.command("W", number=1000)
    http.feed(get("/large"))
    http.command("E")
    for _ in range(400):
        http.command("W", number=1000)
    state, output = http.output()
    assert state == "g" and len(parse_responses(output)[0].body) == 300_000


# ---- clients that read slowly ----


@pytest.mark.parametrize("window", [1, 7, 1000, 65536])
def test_large_answer_through_a_small_window(http, window):
    http.open()
    http.command("W", number=window)
    http.feed(get("/large") + get())
    received = b""
    while True:
        _state, output = http.output()
        received += output
        if not output or (len(received) > 3000 and window < 1000):
            break
        http.command("W", number=window)
    http.command("W", number=10**6)
    received += http.output()[1]
    assert [len(r.body) for r in parse_responses(received)] == [300_000, 4]


def test_stream_stops_when_its_client_falls_behind(http):
    http.exchange(LATER)
    http.answer(1)
    http.output()
    http.command("W", number=100)  # replaces the endless window
    written = 0
    while http.answer(2, b"x" * 1000) == b"1":
        written += 1000
        assert written < 2 * LIMITS.stream_backlog_bytes
    assert written > LIMITS.stream_backlog_bytes - 5000
    assert http.output()[0] == "g"
    assert http.heap() == (0, 0)  # told by the write's result, not by `gone`
    assert "too slowly" in http.log()


def test_close_waits_for_the_last_byte(http):
    http.open()
    http.command("W", number=10)
    http.feed(get("/health", "Connection: close"))
    assert http.output() == ("o", b"HTTP/1.1 2")
    http.command("W", number=1000)
    state, output = http.output()
    assert state == "c" and output.endswith(b"well")


def test_client_that_does_not_read_at_all_is_given_up(http):
    http.open()
    http.command("W", number=10)
    http.feed(get("/large"))
    for _ in range(3):
        http.advance(LIMITS.idle_seconds - 1)
        http.command("W", number=10)  # progress, however slow, is enough
    assert http.output()[0] == "o"
    http.advance(LIMITS.idle_seconds + 1)
    assert http.output()[0] == "g"
    assert http.heap() == (0, 0)


# ---- time ----


def test_idle_connection_is_closed_quietly(http):
    http.open()
    http.advance(LIMITS.idle_seconds - 1)
    assert http.output() == ("o", b"")
    http.advance(2)
    assert http.output() == ("c", b"")


def test_idle_time_counts_from_the_last_answer(http):
    http.open()
    for _ in range(3):
        http.advance(LIMITS.idle_seconds - 1)
        http.feed(get())
        assert http.output()[0] == "o"
    http.advance(LIMITS.idle_seconds + 1)
    assert http.output() == ("c", b"")


@pytest.mark.parametrize("part", [get()[:10], get()[:-2], post(b"ab", "Content-Length: 3")])
def test_slow_request(http, part):
    """One byte a second does not keep a connection: the whole request has a time."""
    http.open()
    for at in range(min(len(part), LIMITS.request_seconds - 1)):
        http.feed(part[at : at + 1])
        http.advance(1)
    http.feed(part[LIMITS.request_seconds - 1 :])
    assert http.output() == ("o", b"")
    http.advance(LIMITS.request_seconds)
    state, output = http.output()
    assert (state, statuses(output)) == ("c", [408])


def test_handler_may_take_its_time(http):
    http.exchange(LATER)
    http.advance(3600)
    assert http.output() == ("o", b"")
    http.answer(0, b"done")
    assert statuses(http.output()[1]) == [200]


def test_lingering_client_is_reset(http):
    http.exchange(get("/health", "Connection: close"))
    http.feed(b"what comes now is dropped" * 1000)
    assert http.output()[0] == "c"
    http.advance(LIMITS.idle_seconds - 1)
    assert http.output()[0] == "c"  # it may still be reading the answer
    http.advance(2)
    assert http.output() == ("g", b"")


# ---- fields of responses ----


def test_head_says_what_get_would(http):
    fields = {}
    for method in ("GET", "HEAD"):
        output = http.exchange(get("/large", method=method))[1]
        fields[method] = parse_responses(output, [method])[0].fields
        del fields[method]["x-request-id"]
    assert fields["GET"] == fields["HEAD"]
    assert fields["GET"]["content-length"] == "300000"


@pytest.mark.parametrize(
    "path, allow",
    [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/echo", "POST, PUT, OPTIONS"),
        ("/defer", "POST, OPTIONS"),
    ],
)
def test_allow(http, path, allow):
    refused = parse_responses(http.exchange(get(path, method="PATCH"))[1])[0]
    assert (refused.status, refused.fields["allow"]) == (405, allow)
    options = parse_responses(http.exchange(get(path, method="OPTIONS"))[1])[0]
    assert (options.status, options.fields["allow"]) == (204, allow)
    assert "content-length" not in options.fields


def test_keep_alive_is_said_to_http_1_0_only(http):
    old = http.exchange(get("/health", "Connection: keep-alive", version="1.0"))
    new = http.exchange(get("/health", "Connection: keep-alive"))
    assert b"Connection: keep-alive\r\n" in old[1] and b"Connection" not in new[1]


# ---- the log, and memory ----


def test_one_line_a_request(http):
    http.exchange(get("/health?secret=1") + get("/none"))
    http.exchange(b"nonsense\r\n")
    lines = http.log().splitlines()
    assert [re.sub(r"\d+ ms$", "N ms", line) for line in lines] == [
        "2 http: 192.0.2.1:1000 GET /health 200 N ms",
        "2 http: 192.0.2.1:1000 GET /none 404 N ms",
        "2 http: 192.0.2.1:1000 - - 400 N ms",
    ]


def test_probes_are_told_when_refused(http_with_key):
    """Level 3, debug, is not shown unless asked for."""
    for key in ("wrong", "sesame"):
        http_with_key.exchange(get("/probe", f"Authorization: Bearer {key}"))
    levels = [line[0] + line.split("/probe")[1][:4] for line in http_with_key.log().splitlines()]
    assert levels == ["2 401", "3 200"]


def test_requests_leave_no_memory_behind(http):
    http.exchange(get())
    before = http.heap()[0]
    for _ in range(50):
        http.feed(post(b"x" * 10_000, "Content-Length: 10000") + get("/stream"), 997)
    http.output()
    assert http.heap()[0] - before < 8192  # what small answers need is kept


def test_more_bodies_than_the_heap_holds(http):
    """Unfinished large bodies on several connections: 503 for those that do not fit."""
    message = post(b"x" * (LIMITS.body_bytes - 1), f"Content-Length: {LIMITS.body_bytes}")
    for stream in range(8):
        http.open(stream)
        http.feed(message, 5000, stream)
    for stream in range(8):
        http.feed(b"x", stream=stream)
        _state, output = http.output(stream)
        assert statuses(output) == [200] or statuses(output) == [503]
    http.open()
    http.feed(get())
    assert statuses(http.output()[1]) == [200]


# ---- making room ----


def test_idle_longest_makes_room(http):
    before = http.heap()[0]
    for stream in range(3):
        http.open(stream)
        http.advance(1)
    http.feed(get(), stream=0)  # idle from now on
    http.advance(1)
    assert [http.make_room() for _ in range(4)] == [1, 2, 0, -1]
    assert http.output(1) == ("g", b"") and http.output(2) == ("g", b"")
    assert http.heap()[0] == before


def test_a_client_that_just_came_is_given_a_second(http):
    http.open()
    http.advance(0.9)
    assert http.make_room() == -1
    http.advance(0.1)
    assert http.make_room() == 0


@pytest.mark.parametrize("begun", [b"G", get()[:-1], post(b"ab", "Content-Length: 3"), LATER])
def test_a_request_in_progress_is_never_given_up(http, begun):
    http.open()
    http.feed(begun)
    http.advance(25)
    assert http.make_room() == -1


def test_an_answer_under_way_is_never_given_up(http):
    http.open()
    http.command("W", number=10)
    http.feed(get())  # of whose answer ten bytes go out
    http.advance(10)
    assert http.make_room() == -1
    http.command("W", number=10000)
    http.settled(0, False)  # on their way
    assert http.make_room() == -1
    http.settled(0, True)
    assert http.make_room() == 0


def test_what_only_waits_for_the_peers_end_makes_room_first(http):
    http.open(0)
    http.advance(LIMITS.idle_seconds - 2)
    http.open(1)
    http.advance(3)
    assert http.output(0) == ("c", b"")
    assert [http.make_room() for _ in range(3)] == [0, 1, -1]


# ---- memory ----


def test_large_requests_leave_room_for_small_ones(http):
    """Two bodies of a megabyte fit what all share, a third finds none left; what is each one's own stays so."""
    before = http.heap()[0]
    half = post(b"x" * 600_000, f"Content-Length: {LIMITS.body_bytes}")
    for stream in range(3):
        http.open(stream)
        http.feed(half, stream=stream)
    assert [http.output(stream)[1][9:12] for stream in range(3)] == [b"", b"", b"503"]
    http.open(3)
    http.feed(post(b"y" * 10_000, "Content-Length: 10000"), stream=3)
    assert statuses(http.output(3)[1]) == [200]
    http.feed(b"x" * (LIMITS.body_bytes - 600_000), stream=1)
    assert statuses(http.output(1)[1]) == [503], "its answer is as long again"
    http.open(2)
    http.feed(half + b"x" * 100, stream=2)
    assert http.output(2) == ("o", b""), "there is room again"
    for stream in range(4):
        http.command("R", stream)
    assert http.heap()[0] == before


def test_pipelined_requests_wait_until_answers_are_read(http):
    """So that a client which asks much and reads nothing costs no more memory than one answer."""
    before = http.heap()[0]
    http.open()
    http.command("W", number=1000)
    http.feed(get("/large") * 100)
    assert http.heap()[0] < before + 600_000
    data = http.output()[1]
    for _ in range(100):
        http.advance(LIMITS.idle_seconds - 1)
        http.command("W", number=301_000)
        data += http.output()[1]
    assert statuses(data) == [200] * 100


def test_a_body_waits_until_the_interim_response_is_read(http):
    http.open()
    http.command("W", number=5)
    http.feed(post(b"abc", "Content-Length: 3", "Expect: 100-continue"))
    assert http.output()[1] == b"HTTP/"
    http.command("W", number=10_000)
    assert statuses(b"HTTP/" + http.output()[1]) == [100, 200]
