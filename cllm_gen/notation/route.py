"""Reads the route notation (`route.lark`): "GET /v1/models/{model}"."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from cllm_gen.notation.reading import grammar
from cllm_gen.source import Span, SpecError

EXAMPLE = '"GET /v1/models/{model}"'

_WORDS = {
    "METHOD": "a method (GET, POST, PUT, DELETE, PATCH)",
    "_SPACE": "a space",
    "_SLASH": "'/'",
    "_OPEN": "'{'",
    "_CLOSE": "'}'",
    "LITERAL": "literal text (letters, digits, '.', '_', '~', '-')",
    "NAME": "a parameter name (lower case letters, digits, '_')",
    "$END": "the end",
}


@dataclass(frozen=True)
class Segment:
    """One piece of a path between slashes; `text` is the parameter's name if it is one."""

    text: str
    parameter: bool


@dataclass(frozen=True)
class Pattern:
    """A method and a path; no segments means the root path."""

    method: str
    segments: tuple[Segment, ...]

    @property
    def path(self) -> str:
        pieces = [f"{{{s.text}}}" if s.parameter else s.text for s in self.segments]
        return "/" + "/".join(pieces)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(segment.text for segment in self.segments if segment.parameter)


class _Reader(Transformer[Token, Pattern]):
    def literal(self, children: list[Token]) -> Segment:
        return Segment(str(children[0]), False)

    def parameter(self, children: list[Token]) -> Segment:
        return Segment(str(children[0]), True)

    def root(self, children: list) -> tuple[Segment, ...]:
        return ()

    def path(self, children: list[Segment]) -> tuple[Segment, ...]:
        return tuple(children)

    def start(self, children: list) -> Pattern:
        return Pattern(str(children[0]), children[1])


@cache
def _parser() -> Lark:
    return grammar("route")


def read_route(text: str, span: Span) -> Pattern:
    """The pattern that `text` writes; `span` is where the text begins."""
    try:
        return _Reader().transform(_parser().parse(text))
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken):
            names, at = error.accepts or error.expected, max(error.token.start_pos or 0, 0)
            at = len(text) if error.token.type == "$END" else at
        else:
            assert isinstance(error, UnexpectedCharacters)
            names, at = set(error.allowed), error.pos_in_stream or 0
            if _complete(text[:at]):
                names.add("$END")
    found = f"{text[at]!r} at column {at + 1}" if at < len(text) else "the end"
    expected = " or ".join(sorted(_WORDS[name] for name in names))
    raise SpecError(span, f"{found} of route {text!r}", expected, EXAMPLE)


def _complete(text: str) -> bool:
    try:
        _parser().parse(text)
        return True
    except UnexpectedInput:
        return False
