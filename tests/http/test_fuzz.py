"""No bytes, however cut, crash the server, and how they are cut does not change the answer."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.harness import Harness, parse_responses
from tests.http.messages import CASES, get

LINES = [
    b"GET /health HTTP/1.1\r\n", b"POST /echo HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"\r\n",
    b"5\r\nhello\r\n", b"0\r\n", b"hello", b"\n", b"\r", b" ", b":", b"%", b"HTTP/1.0\r\n",
    b"Origin: http://a\r\n", b"X-Api-Key: x\r\n", b"X-Request-Id: a\r\n", b"Content-Encoding: gzip\r\n",
]  # fmt: skip
messages = [case.message for case in CASES if len(case.message) < 500]


@st.composite
def mutated(draw):
    """A known message with bytes changed, dropped, doubled or put in."""
    data = bytearray(draw(st.sampled_from(messages)) + draw(st.sampled_from([b"", *messages])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        action = draw(st.sampled_from(["set", "drop", "put", "double"]))
        if action == "set" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif action == "drop":
            del data[at : at + draw(st.integers(1, 10))]
        elif action == "put":
            data[at:at] = draw(st.sampled_from(LINES) | st.binary(max_size=4))
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


@pytest.fixture(scope="module")
def alive(program):
    """A process for each example that needs a new one, so that a crash blames its own example."""
    running = []

    def give():
        if not running or running[-1].process.poll() is not None:
            running.append(Harness(program))
        return running[-1]

    yield give
    for harness in running:
        harness.process.kill()


noise = st.one_of(
    mutated(), st.lists(st.sampled_from(LINES), max_size=20).map(b"".join), st.binary(max_size=200)
)


def nameless(output: bytes) -> bytes:
    """Without the names that requests were given."""
    return re.sub(rb"(X-Request-Id: [0-9a-f]{16})[0-9a-f]{8}", rb"\1", output)


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise, st.integers(1, 20))
def test_any_bytes(alive, data, piece):
    http = alive()
    whole = http.exchange(data)
    cut = http.exchange(data, piece)
    assert (cut[0], nameless(cut[1])) == (whole[0], nameless(whole[1]))
    heads = re.findall(rb"HTTP/1\.1 (\d\d\d) ", whole[1])
    assert all(100 <= int(status) < 506 for status in heads)
    http.command("R")
    # The server goes on serving.
    assert parse_responses(http.exchange(get())[1])[0].body == b"well"


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from("FFFFFEROWGTA"), st.integers(0, 2), st.integers(0, 5), noise),
        max_size=30,
    )
)
def test_any_order_of_events(alive, events):
    """Three connections, deferred answers, resets, windows and time in any order."""
    http = alive()
    for stream in range(3):
        http.open(stream)
    for letter, stream, number, data in events:
        amount = {"T": number * 20_000, "W": number * 50}.get(letter, number)
        if letter == "F":
            data = data.replace(b"/echo", b"/defer").replace(b"/health", b"/later")
        http.command(letter, stream, amount, data)
    while http.answer(0, b"late") != b"-":
        pass
    for stream in range(3):
        http.command("R", stream)
    assert http.heap()[0] == 0
