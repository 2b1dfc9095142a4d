"""Large requests: handled a slice at a time, so that nobody waits for them; clients that leave midway."""

import pytest

from tests.http.harness import parse_responses
from tests.http.messages import get, post

LARGE = b"0123456789" * 20000  # 200 steps of 0.3 ms: about 50 slices


def large(path="/work", body=LARGE):
    return post(body, f"Content-Length: {len(body)}", path=path)


def body_of(http, stream):
    output = http.output(stream)[1]
    return parse_responses(output)[0].body if output else None


def wait(http, stream, turns=150):
    for _ in range(turns):
        body = body_of(http, stream)
        if body is not None:
            return body
        http.advance(0)
    raise AssertionError("no answer")


def test_others_are_answered_meanwhile(http):
    http.open(0)
    http.feed(large(), stream=0)
    for stream in range(1, 5):
        http.open(stream)
        http.feed(get(), stream=stream)
        assert body_of(http, stream) == b"well"
        assert body_of(http, 0) is None
    assert wait(http, 0) == LARGE


def test_large_requests_take_turns_in_the_order_of_their_coming(http):
    for stream in range(3):
        http.open(stream)
        http.feed(large(body=LARGE + bytes([48 + stream])), stream=stream)
        http.advance(0.001)
    for stream in range(3):
        assert wait(http, stream) == LARGE + bytes([48 + stream])
        assert all(body_of(http, later) is None for later in range(stream + 1, 3))


def test_requests_behind_a_large_one_wait_for_it(http):
    http.open(0)
    http.feed(large() + get(), stream=0)
    found = b""
    for _ in range(150):
        http.advance(0)
        found += http.output(0)[1]
    assert [each.body for each in parse_responses(found)] == [LARGE, b"well"]


@pytest.mark.parametrize("how", ["R", "E"])
@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("path", ["/work", "/work-later"])
def test_a_client_leaves_midway(http, how, turns, path):
    used = http.heap()[0]
    for stream in (0, 1):  # the second waits for its turn
        http.open(stream)
        http.feed(large(path), stream=stream)
    for _ in range(turns):
        http.advance(0)
    http.command(how, 1)
    http.command(how, 0)
    for _ in range(150):
        http.advance(0)
    assert http.output(0)[1] == http.output(1)[1] == b""
    assert http.heap() == (used, 1 if path == "/work-later" else 0)
    http.open(2)
    http.feed(large(), stream=2)
    assert wait(http, 2) == LARGE
