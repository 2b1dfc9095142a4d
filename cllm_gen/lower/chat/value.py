"""Values of chat template expressions: a kind and its C, and what can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from cllm_gen.lower.chat.kind import BOOL, Kind, Mixed, c_literal, constant

ATOM, UNARY, FACTOR, SUM, ORDER, EQUAL, AND, OR, CHOICE = range(9)  # C precedence, tightest first
SUPPORTED = {
    "expression": "strings, numbers, variables, + ~ - * %, comparisons, in, not/and/or, if-else",
    "filter": "trim, length, count, string, default, first, last",
    "test": "defined, undefined, none, string, number, boolean, true, false, mapping, iterable, sequence, eq, ne",
    "call": "raise_exception, namespace, .strip .lstrip .rstrip .startswith .endswith .split(mark)[0 or -1] .get",
    "attribute": "role and content of a message; index, index0, first, last, length, revindex, revindex0 of loop",
}


class Unsupported(Exception):
    """Something outside the subset; the compiler adds the place."""

    def __init__(self, found: str, expected: str):
        self.found, self.expected = found, expected
        super().__init__(found)


@dataclass(frozen=True)
class Value:
    """`c` is the C expression; empty for constants, and for texts that statements put together."""

    kind: Kind
    c: str = ""
    precedence: int = ATOM
    positive: bool = False
    """An int that cannot be negative."""
    checked: bool = False
    """Evaluating it can fail the run."""

    def at(self, precedence: int) -> str:
        """The C text as an operand of an operator of that precedence."""
        return self.c if self.precedence <= precedence else f"({self.c})"


def refuse(kind: str, found: str) -> NoReturn:
    raise Unsupported(found, f"one of these {kind}s: {SUPPORTED[kind]}")


def known(value: Any) -> Value:
    try:
        kind = constant(value)
    except Mixed as why:
        refuse("expression", str(why))
    if kind.name == "text":
        return Value(kind, c_literal(value))
    if kind.name == "int":
        text = f"INT64_C({value})" if abs(value) > 0x7FFFFFFF else str(value)
        return Value(kind, text, ATOM if value >= 0 else UNARY, positive=value >= 0)
    return Value(kind, "true" if value is True else "false")


def truth(value: Value) -> Value:
    """The value as a condition."""
    kind = value.kind
    if kind.known:
        return known(bool(kind.constant))
    if kind.name == "bool":
        return value
    if kind.name == "int":
        return Value(BOOL, f"{value.at(EQUAL)} != 0", EQUAL)
    if kind.name == "messages" or (kind.name == "text" and value.c and not kind.pieces):
        return Value(BOOL, f"{value.at(ATOM)}.count > 0", ORDER)
    if kind.pieces and value.c:
        return Value(BOOL, f"{value.at(ATOM)}.first != NULL", EQUAL)
    if kind.name == "message" and not value.checked:
        return known(True)
    refuse("expression", f"a condition on a {kind.name} that is made on the spot")


def flat(value: Value) -> str:
    """The C expression of a text as one `struct text`."""
    if value.kind.name != "text" or not value.c:
        raise Unsupported(
            (
                "a text that is put together inside another expression"
                if value.kind.name == "text"
                else f"a {value.kind.name} where a text is needed"
            ),
            "texts; one that is put together gets a name with {% set %} first",
        )
    return f"chat_flat(run, {value.c})" if value.kind.pieces else value.c


def present(value: Value, strict: bool) -> str:
    """The C text of a variable that may be without one: with `strict` that fails the run, as in
    operands of `+`; else it reads as Python prints what it is instead."""
    absent = value.kind.absent
    if not absent or (absent == "undefined" and not strict):
        return value.c
    if strict:
        return f"chat_needed(run, {value.c})"
    return f"chat_shown(run, {value.c}, {c_literal(absent.capitalize())})"


def is_there(value: Value, test: Value) -> Value:
    """`test`, which needs a text, of a variable that may be without one."""
    if not value.kind.absent:
        return test
    return both(Value(BOOL, f"!{value.at(UNARY)}.absent", UNARY), test, "&&")


def invert(value: Value) -> Value:
    if value.kind.known:
        return known(not value.kind.constant)
    if value.precedence == EQUAL and value.c.count(" == ") == 1:
        return Value(BOOL, value.c.replace(" == ", " != "), EQUAL)
    return Value(BOOL, f"!{value.at(UNARY)}", UNARY)


def both(one: Value, other: Value, sign: str) -> Value:
    """`one && other` or `one || other`, with the parentheses that gcc asks for."""
    precedence = AND if sign == "&&" else OR
    sides = [
        f"({side.c})" if side.precedence > EQUAL and side.precedence != precedence else side.c
        for side in (one, other)
    ]
    return Value(BOOL, f"{sides[0]} {sign} {sides[1]}", precedence)


def equal(one: Value, other: Value) -> Value:
    """`one == other`."""
    kinds = {one.kind.name, other.kind.name}
    if one.kind.known and other.kind.known:
        same = one.kind.constant == other.kind.constant
        return known(same and (one.kind.constant is not None or len(kinds) == 1))
    if kinds <= {"bool", "int"}:
        return Value(BOOL, f"{one.at(ORDER)} == {other.at(ORDER)}", EQUAL)
    absent = one.kind.absent or other.kind.absent
    if kinds == {"text", "bool"} and absent and not (one.kind.known or other.kind.known):
        refuse("expression", "a comparison of a text or False with a condition")
    if kinds == {"text"}:
        return is_there(
            one, is_there(other, Value(BOOL, f"text_equal({flat(one)}, {flat(other)})"))
        )
    for value, constant_ in ((one, other), (other, one)):
        if value.kind.absent and (
            repr(constant_.kind.constant) == value.kind.absent
            or constant_.kind.name == value.kind.absent
        ):
            return Value(BOOL, f"{value.at(ATOM)}.absent")
    if kinds & {"message", "messages"}:
        refuse("expression", "a comparison of messages")
    return known(False)


def without_constant(kind: Kind) -> Kind:
    """The kind without its constant, where C needs a value of it."""
    if kind.known and kind.name in ("text", "int"):
        return Kind(kind.name, origin=kind.origin)
    return kind


def printed(kind: Kind) -> str:
    """What printing a constant gives."""
    return "" if kind.name == "undefined" else str(kind.constant)
