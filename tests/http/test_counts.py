"""What HTTP counts for /metrics: connections, requests, why they ended or were refused, which limits were met."""

from __future__ import annotations

import pytest

from tests.http.harness import LIMITS
from tests.http.messages import get, post

CHUNKED = "Transfer-Encoding: chunked"


def change(http, before: dict[str, float]) -> dict[str, float]:
    """What grew or shrank, but for memory."""
    after = http.metrics()
    return {
        name: after[name] - before[name]
        for name in after
        if after[name] != before[name] and not name.startswith(("heap", "memory"))
    }


def test_a_connection_with_two_requests(http):
    before = http.metrics()
    http.exchange(get() + get("/none"))
    opened = change(http, before)
    assert opened == {
        "connections_open": 1,
        "connections_opened_total": 1,
        "requests_total": 2,
        'responses_total{status="2xx"}': 1,
        'responses_total{status="4xx"}': 1,
        'requests_refused_total{cause="path"}': 1,
    }
    http.command("R")
    closed = change(http, before)
    assert closed.pop('connections_closed_total{cause="client"}') == 1
    assert "connections_open" not in closed


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (b"nonsense\r\n", "malformed"),
        (get("/health", "Origin: http://evil.example"), "origin"),
        (get("/none"), "path"),
        (get("/echo"), "method"),
        (get("/echo", method="POST"), "body"),
        (post(b"x", "Content-Length: 1", "Content-Encoding: gzip"), "encoding"),
    ],
)
def test_refusals_by_cause(http, message, cause):
    before = http.metrics()
    http.exchange(message)
    found = change(http, before)
    assert found[f'requests_refused_total{{cause="{cause}"}}'] == 1
    assert found['responses_total{status="4xx"}'] == 1


def test_missing_keys(http_with_key):
    before = http_with_key.metrics()
    http_with_key.exchange(get("/secret"))
    assert change(http_with_key, before)['requests_refused_total{cause="key"}'] == 1


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (b"GET /" + b"x" * LIMITS.request_line_bytes, "request_line_bytes"),
        (get("/health")[:-2] + b"A: " + b"b" * LIMITS.header_bytes, "header_bytes"),
        (get("/health", *["A: b"] * LIMITS.header_fields), "header_fields"),
        (post(b"", f"Content-Length: {LIMITS.body_bytes + 1}"), "body_bytes"),
        (post(b"%x\r\n" % (LIMITS.body_bytes + 1), CHUNKED), "body_bytes"),
    ],
)
def test_limits_that_a_message_meets(http, message, limit):
    before = http.metrics()
    http.exchange(message)
    found = {each: n for each, n in change(http, before).items() if each.startswith("limit")}
    assert found == {f'limit_refusals_total{{limit="{limit}"}}': 1}


def limit_and_cause(limit: str, cause: str) -> dict[str, float]:
    return {
        f'limit_refusals_total{{limit="{limit}"}}': 1,
        f'connections_closed_total{{cause="{cause}"}}': 1,
    }


def ends(http, before) -> dict[str, float]:
    found = change(http, before)
    return {
        name: n for name, n in found.items() if name.startswith(("limit", "connections_closed"))
    }


def test_connections_that_are_idle(http):
    before = http.metrics()
    http.exchange(get())
    http.advance(LIMITS.idle_seconds + 1)
    http.command("E")
    assert ends(http, before) == limit_and_cause("idle_seconds", "idle")


def test_requests_that_do_not_arrive(http):
    before = http.metrics()
    http.exchange(get()[:9])
    http.advance(LIMITS.request_seconds + 1)
    http.command("E")
    assert ends(http, before) == limit_and_cause("request_seconds", "request_slow")


def test_answers_that_are_not_read(http):
    before = http.metrics()
    http.open()
    http.command("W", number=10)
    http.feed(get("/large"))
    http.advance(LIMITS.idle_seconds + 1)
    http.command("H")
    assert ends(http, before) == limit_and_cause("idle_seconds", "answer_unread")


def test_streams_that_are_read_too_slowly(http):
    before = http.metrics()
    http.open()
    http.command("W", number=1000)
    http.feed(get("/later"))
    while http.answer(2, b"x" * 10_000) == b"1":
        pass
    assert ends(http, before) == limit_and_cause("stream_backlog_bytes", "answer_unread")


def test_the_last_answer_of_a_connection(http):
    before = http.metrics()
    http.exchange(get("/health", "Connection: close"))
    http.command("E")
    assert ends(http, before) == {'connections_closed_total{cause="answered"}': 1}


def test_clients_that_leave_before_the_answer(http):
    before = http.metrics()
    http.exchange(get("/later"))
    http.command("R")
    assert change(http, before)["requests_left_total"] == 1
