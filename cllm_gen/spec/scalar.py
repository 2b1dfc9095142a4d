"""Types of single JSON values: text, numbers, and what is only written."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from typing import Any

from cllm_gen.source import Span, SpecError, caller_span

INT64 = 1 << 63


def literal_span(call: Span, text: str) -> Span:
    """Where the string `text` stands in the call that begins at `call`: what a person looks for,
    when the call is spread over several lines."""
    for line in range(call.line, call.line + 12):
        source = linecache.getline(call.file, line)
        for quoted in (f'"{text}"', f"'{text}'"):
            if quoted in source:
                return Span(call.file, line, source.index(quoted) + 1)
    return call


def bounds(span: Span, what: str, least: Any, most: Any, low: Any, high: Any, example: str) -> None:
    for name, value in (("least", least), ("most", most)):
        good = isinstance(value, int if isinstance(low, int) else (int, float))
        good = good and not isinstance(value, bool)
        if not good or not low <= value <= high:
            raise SpecError(
                span, f"{what} with {name}={value!r}", f"a number from {low} to {high}", example
            )
    if least > most:
        raise SpecError(
            span, f"{what} with least={least} above most={most}", "least <= most", example
        )


@dataclass(frozen=True)
class String:
    """Text; bounds count Unicode characters."""

    least: int = 0
    most: int | None = None

    def __post_init__(self) -> None:
        most = self.least if self.most is None else self.most
        bounds(caller_span(), "String", self.least, most, 0, 1 << 31, "String(least=1, most=64)")


@dataclass(frozen=True)
class Boolean:
    pass


@dataclass(frozen=True)
class Integer:
    """A number without a fraction, 64 bits wide; one that is only written may lie in 32 (`bits`)."""

    least: int = -INT64
    most: int = INT64 - 1
    bits: int = 64

    def __post_init__(self) -> None:
        bounds(
            caller_span(),
            "Integer",
            self.least,
            self.most,
            -INT64,
            INT64 - 1,
            "Integer(least=0, most=100)",
        )
        if self.bits not in (32, 64):
            raise SpecError(
                caller_span(), f"Integer with bits={self.bits!r}", "32 or 64", "Integer(bits=32)"
            )


@dataclass(frozen=True)
class Number:
    """A real number, a double."""

    least: float = float("-inf")
    most: float = float("inf")

    def __post_init__(self) -> None:
        bounds(
            caller_span(),
            "Number",
            self.least,
            self.most,
            float("-inf"),
            float("inf"),
            "Number(least=0, most=2)",
        )


@dataclass(frozen=True)
class Float:
    """A real number that is only written: a float, with as few digits as tell it apart."""


@dataclass(frozen=True)
class Base64:
    """Bytes that are only written, as a string in base64 (RFC 4648 section 4)."""


@dataclass(frozen=True)
class Literal:
    """One value that is only written and always the same; it takes no room in the C struct."""

    value: str | int | bool | None
