"""The generated router against a matcher that simply compares segments."""

from __future__ import annotations

import random
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cllm_gen.spec.api import Api, Route
from cllm_gen.spec.schema import Field, Integer, Object
from tests.api.harness import Driver, build

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
BITS = {"GET": 1, "HEAD": 2, "POST": 4, "PUT": 8, "DELETE": 16, "PATCH": 32, "OPTIONS": 64}
# Lengths round the eight-byte words of the branches, shared prefixes, one a prefix of another.
WORDS = [
    "a",
    "v1",
    "v2",
    "v10",
    "models",
    "model",
    "modelsx",
    "tokenize",
    "tokenizer",
    "completions",
    "completion",
    "completely",
    "abcdefgh",
    "abcdefghi",
    "abcdefghijklmnop",
    "abcdefghijklmnopq",
    "abcdefghijklmnoq",
    "A.b_c~d-e",
    "any",
]

answer = Object("answer", "Nothing much.", Field("value", Integer(), "A number."))


def make_patterns(seed: int, count: int) -> list[str]:
    """Routes with literals and parameters; no two that answer the same requests."""
    chance = random.Random(seed)
    patterns: dict[tuple, str] = {("GET",): "GET /"}
    while len(patterns) < count:
        method = chance.choice(METHODS)
        shape: list[str] = []
        pieces: list[str] = []
        for index in range(chance.randrange(1, 5)):
            if chance.random() < 0.3 and shape.count("{}") < 4:
                shape.append("{}")
                pieces.append(f"{{p{index}}}")
            else:
                shape.append(chance.choice(WORDS))
                pieces.append(shape[-1])
        patterns.setdefault((method, *shape), f"{method} /{'/'.join(pieces)}")
    return list(patterns.values())


def expected(patterns: list[str], method: str, path: str) -> str:
    """What the driver prints for a request: of the paths that match, the one that is literal
    earliest counts; its methods are allowed."""
    if not path.startswith("/"):
        return "- 0"
    segments = [] if path == "/" else path[1:].split("/")
    found: dict[tuple, dict[str, str]] = {}
    for pattern in patterns:
        its_method, its_path = pattern.split(" ")
        pieces = [] if its_path == "/" else its_path[1:].split("/")
        pairs = list(zip_longest(pieces, segments))
        if all(
            a is not None and b is not None and (a == b or (a.startswith("{") and b))
            for a, b in pairs
        ):
            found.setdefault(tuple(piece.startswith("{") for piece in pieces), {})[
                its_method
            ] = its_path
    if not found:
        return "- 0"
    shape = min(found)
    allowed = sum(BITS[each] for each in found[shape])
    if method not in found[shape]:
        return f"- {allowed}"
    values = [segment for segment, parameter in zip(segments, shape) if parameter]
    return " ".join([found[shape][method], str(allowed), *values])


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory):
    patterns = make_patterns(7, 60)
    routes = [
        Route(pattern, f"Route {index}.", handler=f"handle_route_{index}", response=answer)
        for index, pattern in enumerate(patterns)
    ]
    path = build(tmp_path_factory.mktemp("routes"), [Api("routes", "Many.", *routes)], {})
    with Driver(path) as driver:
        yield driver, patterns


def ask(driver: Driver, method: str, path: str) -> str:
    return driver.ask("r", f"{method} {path}".encode()).decode()


segment = st.one_of(
    st.sampled_from(WORDS), st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=18)
)


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from([*METHODS, "HEAD", "OPTIONS"]), st.lists(segment, max_size=6), st.data())
def test_made_up_paths(routed, method: str, segments: list[str], data: st.DataObject) -> None:
    driver, patterns = routed
    path = data.draw(st.sampled_from(["/" + "/".join(segments), "/".join(segments)]))
    assert ask(driver, method, path) == expected(patterns, method, path)


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(METHODS), st.integers(0, 59), st.randoms(use_true_random=False))
def test_paths_near_routes(routed, method: str, index: int, chance: random.Random) -> None:
    """A route's own path, its parameters filled in, then perhaps one byte changed, added or lost."""
    driver, patterns = routed
    its_method, pattern = patterns[index].split(" ")
    path = "/".join(
        chance.choice(WORDS) if piece.startswith("{") else piece for piece in pattern.split("/")
    )
    if chance.random() < 0.6:
        at = chance.randrange(len(path) + 1)
        path = (
            path[:at] + chance.choice(["", "/", "x", "s", "\0"]) + path[at + chance.randrange(2) :]
        )
    for each in (method, its_method):
        assert ask(driver, each, path) == expected(patterns, each, path)


def test_a_zero_byte_is_not_padding(routed) -> None:
    """Branch words are padded with zeros; a path that holds zeros must not match by it."""
    driver, patterns = routed
    literals = [pattern for pattern in patterns if "{" not in pattern and pattern != "GET /"]
    for pattern in literals:
        method, path = pattern.split(" ")
        for zeros in ("\0", "\0\0\0"):
            assert ask(driver, method, path + zeros) == expected(patterns, method, path + zeros)


def test_no_routes_but_the_root(tmp_path: Path) -> None:
    route = Route("GET /", "The root.", handler="handle_root", response=answer)
    with Driver(build(tmp_path, [Api("root", "One.", route)], {})) as driver:
        assert [ask(driver, "GET", path) for path in ("/", "", "//", "/a", "*")] == [
            "/ 1",
            "- 0",
            "- 0",
            "- 0",
            "- 0",
        ]


def test_aliases_lead_to_the_same_route(tmp_path: Path) -> None:
    one = Route(
        "GET /v1/models/{model}",
        "One.",
        handler="handle_one",
        response=answer,
        aliases=["/models/{model}", "/model/of/{model}"],
    )
    other = Route("POST /models/{name}", "Other.", handler="handle_other", response=answer)
    with Driver(build(tmp_path, [Api("models", "All.", one, other)], {})) as driver:
        for path in ("/v1/models/x", "/models/x", "/model/of/x"):
            allowed = 5 if path == "/models/x" else 1
            assert ask(driver, "GET", path) == f"/v1/models/{{model}} {allowed} x"
        assert ask(driver, "POST", "/models/x") == "/models/{name} 5 x"
        assert ask(driver, "GET", "/of/x") == "- 0"


@pytest.mark.parametrize(
    "raw, decoded",
    [
        (b"plain", b"plain"),
        (b"a%20b", b"a b"),
        (b"%2F%2f", b"//"),
        (b"a+b", b"a+b"),
        (b"%C3%A9", "é".encode()),
        (b"%00", b"\0"),
        (b"%", b"%"),
        (b"%4", b"%"),
        (b"%zz", b"%"),
        (b"a%2", b"%"),
        (b"%E9", b"%"),
        (b"\xff", b"%"),
        (b"%+1", b"%"),
        (b"", b""),
    ],
)
def test_percent_decoding(served: Driver, raw: bytes, decoded: bytes) -> None:
    """Broken triplets and bytes that are not UTF-8 are refused (the driver says % then)."""
    assert served.ask("p", raw) == decoded


def test_path_parameters_reach_the_handler_decoded(served: Driver) -> None:
    assert served.dispatch("GET /v1/models/Smol%20LM%2F2", "") == "Smol LM/2"
    assert served.dispatch("GET /v1/models/%E9", "") == (
        "400|invalid_request_error|model|model in the path must be percent-encoded UTF-8"
    )
