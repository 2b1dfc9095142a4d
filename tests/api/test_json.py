"""What is JSON and what is not, and that generated code reads and writes it as Python's json does."""

from __future__ import annotations

import base64
import json
import math
import random
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.harness import Driver
from tests.api.json_cases import ACCEPTED, CHOSEN, REFUSED

many = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def verdict(driver: Driver, text: bytes) -> str:
    """'ok' or the error, for the text alone; as an unknown field's value it must fare the same."""
    alone = driver.ask("v", text).decode()
    if len(text) < 1000 and text.count(b"[") < 32:
        inside = driver.dispatch("POST /echo", b'{"unknown":' + text + b"}")
        # a text that closes what it never opened may be the start of something else
        if alone == "ok" or (not text.lstrip().startswith((b"]", b"}")) and b"}" not in text):
            assert inside.startswith("400|") == (alone != "ok"), (text, alone, inside)
    return alone


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(echo: Driver, name: str) -> None:
    assert verdict(echo, ACCEPTED[name]) == "ok"
    json.loads(ACCEPTED[name])  # the table itself agrees with Python


@pytest.mark.parametrize("name", REFUSED)
def test_refused(echo: Driver, name: str) -> None:
    answer = verdict(echo, REFUSED[name])
    assert answer.startswith("400|invalid_request_error||The request body is n"), answer


@pytest.mark.parametrize("name", CHOSEN)
def test_chosen(echo: Driver, name: str) -> None:
    text, accepted = CHOSEN[name]
    assert (verdict(echo, text) == "ok") == accepted


def test_there_are_enough_cases() -> None:
    assert len(ACCEPTED) + len(REFUSED) + len(CHOSEN) >= 300


@pytest.mark.parametrize("name", [name for name in ACCEPTED if len(ACCEPTED[name]) < 60])
def test_every_truncation_of_accepted(echo: Driver, name: str) -> None:
    """Cut anywhere, a text is JSON exactly if Python says so; nothing behind its end is read."""
    for size in range(len(ACCEPTED[name])):
        text = ACCEPTED[name][:size]
        try:
            json.loads(text)
            good = True
        except ValueError:
            good = False
        assert (echo.ask("v", text) == b"ok") == good, text


def test_mutations_agree_with_python(echo: Driver) -> None:
    """Random bytes changed in accepted texts: Python's json is the judge, but for what it takes and
    the RFC does not (NaN, Infinity) and for what is chosen otherwise (lone surrogates, a BOM)."""
    random.seed(20260722)
    seeds = [text for text in ACCEPTED.values() if len(text) < 80]
    accepted = 0
    for _ in range(6000):
        text = bytearray(random.choice(seeds))
        for _ in range(random.randrange(1, 3)):
            at = random.randrange(len(text))
            text[at : at + random.randrange(2)] = bytes(
                [random.choice(b'[]{}",:\\u0123eE+-. \tntf/\xc3\xa9')]
            )
        data = bytes(text)
        if b"NaN" in data or b"Infinity" in data or b"\\ud" in data.lower():
            continue
        try:
            json.loads(data.decode("utf-8"))
            good = True
        except ValueError:
            good = False
        accepted += good
        assert (echo.ask("v", data) == b"ok") == good, data
    assert accepted > 100


text = st.text(st.characters(exclude_categories=["Cs"]))


@many
@given(text, st.booleans())
def test_strings_come_back(echo: Driver, value: str, ascii: bool) -> None:
    body = json.dumps({"text": value}, ensure_ascii=ascii)
    assert json.loads(echo.dispatch("POST /echo", body))["text"] == value


@many
@given(text)
def test_written_strings_are_minimal(echo: Driver, value: str) -> None:
    """The writer escapes what must be and nothing else, in Python's spelling."""
    assert echo.ask("s", value.encode()).decode() == json.dumps(value, ensure_ascii=False)


@many
@given(st.binary())
def test_broken_text_is_written_repaired(echo: Driver, value: bytes) -> None:
    written = json.loads(echo.ask("s", value).decode("utf-8"))
    try:
        assert written == value.decode("utf-8")
    except UnicodeDecodeError:
        assert "\ufffd" in written


@many
@given(st.binary())
def test_base64(echo: Driver, value: bytes) -> None:
    assert json.loads(echo.ask("b", value)) == base64.b64encode(value).decode()


@many
@given(st.lists(st.floats(width=32)))
def test_floats_are_written_to_read_back(echo: Driver, values: list[float]) -> None:
    data = struct.pack(f"<{len(values)}f", *values)
    back = json.loads(echo.ask("f", data))
    for value, read in zip(values, back, strict=True):
        assert (
            read is None
            if not math.isfinite(value)
            else struct.unpack("<f", struct.pack("<f", read))[0] == value
        )


@many
@given(st.lists(st.floats()))
def test_doubles_are_written_to_read_back(echo: Driver, values: list[float]) -> None:
    back = json.loads(echo.ask("n", struct.pack(f"<{len(values)}d", *values)))
    for value, read in zip(values, back, strict=True):
        assert read is None if not math.isfinite(value) else read == value


@many
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_exactly(echo: Driver, value: float) -> None:
    assert json.loads(echo.dispatch("POST /echo", json.dumps({"real": value})))["real"] == value


def test_a_long_number_is_read_exactly(echo: Driver) -> None:
    number = "0." + "123456789" * 100 + "e-3"
    assert json.loads(echo.dispatch("POST /echo", f'{{"real":{number}}}'))["real"] == float(number)


@many
@given(st.integers(-(1 << 70), 1 << 70))
def test_integers(echo: Driver, value: int) -> None:
    answer = echo.dispatch("POST /echo", json.dumps({"big": value}))
    if -(1 << 63) <= value < 1 << 63:
        assert json.loads(answer)["big"] == value
    else:
        assert answer == "400|invalid_request_error|big|big must be an integer of 64 bits."


label = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
real = st.floats(allow_nan=False, allow_infinity=False)
integer = st.integers(-(1 << 63), (1 << 63) - 1)
inner = st.fixed_dictionaries(
    {"label": label, "weight": st.floats(min_value=-1, allow_infinity=False)},
    optional={"deep": st.lists(st.lists(st.integers(0, 1 << 40)))},
)
choice = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.booleans(),
    real,
    inner,
    st.lists(text, min_size=1),
    st.lists(st.integers(0, 99), min_size=1, max_size=4),
    st.lists(st.lists(integer), min_size=1),
)
everything = st.fixed_dictionaries(
    {
        "share": st.floats(0, 1),
        "color": st.sampled_from(["red", "green", "greenish-blue", "greenish-red"]),
        "greeting": text,
        "volume": st.floats(0, 1),
    },
    optional={
        "text": text,
        "flag": st.booleans(),
        "count": st.integers(-5, 5),
        "positive": st.integers(1, (1 << 63) - 1),
        "empty_or_null": st.none() | text,
        "remark": text,
        "whole_or_null": st.none() | integer,
        "choice": st.none() | choice,
        "choices": st.lists(choice, max_size=3),
        "inner": inner,
        "inners": st.lists(inner),
        "numbers": st.lists(real),
        "by_name": st.dictionaries(text, st.lists(st.integers(-9, 9))),
        "pair": st.lists(st.booleans(), min_size=2, max_size=2),
    },
)


@many
@given(everything, st.randoms(use_true_random=False))
def test_whole_requests_come_back(echo: Driver, value: dict, chance: random.Random) -> None:
    """Any order of keys, any whitespace, unknown keys between them."""
    items = [*value.items(), ("unknown", {"choice": [1, {"text": None}]}), ("colour", "red")]
    chance.shuffle(items)
    body = json.dumps(
        dict(items), indent=chance.choice([None, 0, 2]), ensure_ascii=chance.random() < 0.5
    )
    assert json.loads(echo.dispatch("POST /echo", body)) == value


def test_of_duplicate_keys_the_last_wins(echo: Driver) -> None:
    body = '{"count":1,"count":2,"empty_or_null":"x","empty_or_null":null,"share":0.5,"share":null,"choice":[1],"choice":"t"}'
    found = json.loads(echo.dispatch("POST /echo", body))
    assert (found["count"], found["empty_or_null"], found["share"], found["choice"]) == (
        2,
        None,
        0.25,
        "t",
    )


def test_memory_is_bounded(echo: Driver) -> None:
    echo.ask("a", b"2000")
    try:
        body = json.dumps({"choices": ["a"], "choice": ["x" * 50] * 50})
        assert (
            echo.dispatch("POST /echo", body)
            == "413|invalid_request_error||The request takes more memory than one request may."
        )
        assert "text" not in echo.dispatch("POST /echo", "{}")
    finally:
        echo.ask("a", b"16777216")
