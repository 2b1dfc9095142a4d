"""Every message of messages.py at every chunk size, from one byte up."""

import json
import re
from email.utils import formatdate

import pytest

from tests.http.harness import parse_responses
from tests.http.messages import CASES, REFUSED


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)


def pieces(count):
    """Every size for short messages; for long ones the small sizes and some primes."""
    if count <= 400:
        return range(1, count + 1)
    return [1, 2, 3, 5, 7, 11, 61, 251, 1021, 4093, count - 1, count]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_message(http, case):
    for piece in pieces(len(case.message)):
        state, output = http.exchange(case.message, piece)
        responses = parse_responses(output, list(case.methods))
        assert [r.status for r in responses] == list(case.statuses), (piece, output)
        if case.bodies is not None:
            assert [r.body for r in responses] == list(case.bodies), piece
        assert state == ("c" if case.closed else "o"), piece
        last = responses[-1].fields
        assert (last.get("connection") == "close") == case.closed, piece
        for response in responses:
            if response.status >= 200:
                assert "access-control-allow-origin" not in response.fields
                assert re.fullmatch("[0-9a-f]{24}", response.fields["x-request-id"])
                assert response.fields["date"] == formatdate(1784111777, usegmt=True)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name.replace(" ", "-"))
def test_errors_have_the_openai_shape(http, case):
    _, output = http.exchange(case.message)
    error = json.loads(parse_responses(output)[-1].body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == ("server_error" if case.statuses[0] >= 500 else "invalid_request_error")
    assert error["message"].endswith(".")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_memory_is_given_back(http, case):
    """After a closed connection the heap holds what it held before, whatever happened on it."""
    http.open()
    http.command("R")
    before = http.heap()[0]
    http.exchange(case.message, 3)
    http.command("R")
    assert http.heap()[0] == before
