"""What the values of a chat template are: kinds, how two kinds become one variable's, and C text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cllm_gen import unicode

NOTHING = object()
"""No constant is known."""


class Mixed(Exception):
    """Two kinds that one variable cannot hold; says which."""


@dataclass(frozen=True)
class Kind:
    """`name` is text, bool, int, message, messages, none or undefined.

    A text's `origin` is "template" or "message", or "mixed" when it was put together; `absent`
    names what it is when it is no text (undefined, none, False), if that can be."""

    name: str
    constant: Any = NOTHING
    origin: str = ""
    absent: str = ""

    @property
    def known(self) -> bool:
        return self.constant is not NOTHING

    @property
    def pieces(self) -> bool:
        """Whether C holds it as a `struct chat_text`."""
        return (
            self.name == "text" and not self.known and (self.origin == "mixed" or bool(self.absent))
        )

    @property
    def c_type(self) -> str:
        return {
            "text": "struct chat_text " if self.pieces else "struct text ",
            "bool": "bool ",
            "int": "int64_t ",
            "message": "const struct chat_message *",
            "messages": "struct chat_messages ",
        }[self.name]


UNDEFINED = Kind("undefined", None)
NONE = Kind("none", None)
BOOL, INT, MESSAGE, MESSAGES = Kind("bool"), Kind("int"), Kind("message"), Kind("messages")


def constant(value: Any) -> Kind:
    """The kind of a Python constant; raises Mixed for what templates cannot hold."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return Kind("bool", value)
    if isinstance(value, int) and abs(value) < 1 << 63:
        return Kind("int", value)
    if isinstance(value, str):
        return Kind("text", value, "template")
    raise Mixed(f"the constant {value!r}")


def _absence(kind: Kind) -> str:
    if kind.name in ("none", "undefined"):
        return kind.name
    return "False" if kind.name == "bool" and kind.constant is False else ""


def join(one: Kind | None, other: Kind) -> Kind:
    """The kind of a variable that is sometimes `one` and sometimes `other`."""
    if one is None or one == other:
        return other
    if one.name == other.name == "text":
        if one.absent and other.absent and one.absent != other.absent:
            raise Mixed(f"{one.absent} at one place, {other.absent} at another, a text at a third")
        origin = one.origin if one.origin == other.origin else "mixed"
        return Kind("text", origin=origin, absent=one.absent or other.absent)
    if one.name == other.name and one.name not in ("none", "undefined"):
        return Kind(one.name)
    for text, missing in ((one, other), (other, one)):
        if text.name == "text" and _absence(missing):
            if text.absent and text.absent != _absence(missing):
                raise Mixed(
                    f"{text.absent} at one place, {_absence(missing)} at another, a text at a third"
                )
            return Kind("text", origin=text.origin, absent=_absence(missing))
    raise Mixed(f"{one.name} at one place and {other.name} at another")


def c_literal(text: str) -> str:
    """A `struct text` constant: letters of any script stay readable, the rest is escaped."""
    plain = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    shown = "".join(
        plain.get(each)
        or (
            each
            if " " <= each <= "~" or (each > "~" and unicode.category(each)[0] in "LNPS")
            else "".join(f"\\{byte:03o}" for byte in each.encode())
        )
        for each in text
    )
    return f'CHAT_LITERAL("{shown}")'
