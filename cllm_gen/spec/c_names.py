"""How names of an API's spec are spelled in C, and which may not be used."""

from __future__ import annotations

import re
from typing import Any

from cllm_gen.source import Span, SpecError

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
C_WORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline "
    "int long register restrict return short signed sizeof static struct switch typedef union "
    "unsigned void volatile while bool true false".split()
)
_TAGS = frozenset(
    "text buffer arena arena_chunk route route_match http_exchange json_reader json_path".split()
)
"""Structs of the kernel that generated headers include."""


def check_name(span: Span, what: str, name: Any, example: str) -> None:
    if not isinstance(name, str) or not NAME.match(name) or name in C_WORDS | _TAGS:
        expected = "lower-case letters, digits and '_', no C keyword and no struct of the kernel's"
        raise SpecError(span, f"{what} name {name!r}", expected, example)


def member(name: str) -> str:
    """The C spelling of a field: its name, with an underscore behind a keyword."""
    return f"{name}_" if name in C_WORDS else name


def enumerator(value: str) -> str:
    """The C spelling of an enum's string: upper case, everything else an underscore."""
    return re.sub(r"[^A-Z0-9]+", "_", value.upper()).strip("_")
