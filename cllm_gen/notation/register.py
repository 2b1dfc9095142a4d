"""Reads the register map notation (register.lark) into spec objects with source spans."""

from __future__ import annotations

from lark import Token, Tree

from cllm_gen.notation.reading import grammar, inside, note, place, read, token
from cllm_gen.notation.register_map import Access, Condition, Field, Register, Value
from cllm_gen.source import Span, SpecError

_PARSER = grammar("register")
_EXAMPLE = "CTRL (00000h; R/W) -- Device Control, below it: FD  0  1b -- Full duplex."
_WORDS = {
    "NAME": "a name of letters, digits and underscores",
    "BITS": "its bits (`7` or `9:8`)",
    "INITIAL": "an initial value (`1b`, `0Ah`, `10` or `X`)",
    "NUMBER": "a number (`10b`, `0Ah`, `0x0a` or `10`)",
    "ACCESS": "an access (R, W, R/W, RC or R/W1C)",
    "VALUE_NAME": "the value's name",
    "NOTE": "`-- documentation`",
    "_NL": "the end of the line",
    "_BIT": "`bits`",
    "LPAR": "`(offset; access)`",
    "RPAR": "`)`",
    "LSQB": "`[count]`",
    "RSQB": "`]`",
    "SEMICOLON": "`;`",
    "PLUS": "`+ stride*n`",
    "STAR": "`*n`",
    "N": "`n`",
    "DOT": "`.`",
    "EQUAL": "`=`",
    "WHEN": "`when REGISTER.FIELD = value`",
    "RESET": "`reset value`",
    "$END": "",
}


def number(text: str) -> int:
    """`10b`, `0Ah`, `0x0a` and `10`, as datasheets write them."""
    text = str(text)
    if text.startswith("0x"):
        return int(text, 16)
    if text.endswith("h"):
        return int(text[:-1], 16)
    return int(text[:-1], 2) if text.endswith("b") else int(text)


def read_registers(text: str, call: Span, width: int) -> tuple[Register, ...]:
    """The registers that `text` declares, `width` bits wide unless they say otherwise."""
    start = place(text, call)
    tree = read(_PARSER, text, start, _WORDS, _EXAMPLE)
    registers: list[dict] = []
    for line in tree.children:
        span = inside(start, line.meta.line, line.meta.column)
        if line.data == "register":
            registers.append(_register(line, span, width))
        elif line.data == "field":
            if not registers:
                raise SpecError(
                    span, "a field above every register", "its register above it", _EXAMPLE
                )
            registers[-1]["fields"].append(_field(line, span))
        else:
            if not registers or not registers[-1]["fields"]:
                raise SpecError(
                    span,
                    "a value below no field",
                    "its field above it",
                    "SPEED 9:8, below it: 10b = 1000",
                )
            value = Value(str(line.children[1]).strip(), number(token(line)), note(line), span)
            registers[-1]["fields"][-1]["values"].append(value)
    return tuple(
        Register(
            **{
                **each,
                "fields": tuple(
                    Field(**{**made, "values": tuple(made["values"])}) for made in each["fields"]
                ),
            }
        )
        for each in registers
    )


def _register(line: Tree, span: Span, width: int) -> dict:
    made = {
        "name": str(line.children[0]),
        "width": width,
        "note": note(line),
        "span": span,
        "fields": [],
    }
    for item in line.children[1:]:
        if isinstance(item, Token):
            if item.type == "NUMBER":
                made["offset"] = number(item)
            elif item.type == "ACCESS":
                made["access"] = Access(str(item))
        elif item.data == "when":
            register, field, value = (token(item, index) for index in range(3))
            made["when"] = Condition(str(register), str(field), number(value))
        else:
            made[str(item.data)] = number(token(item))
    return made


def _field(line: Tree, span: Span) -> dict:
    high, _, low = str(line.children[1]).partition(":")
    made = {
        "name": str(line.children[0]),
        "high": int(high),
        "low": int(low or high),
        "note": note(line),
        "span": span,
        "values": [],
    }
    for item in line.children[2:]:
        assert isinstance(item, Token)
        if item.type == "INITIAL" and item != "X":
            made["initial"] = number(item)
        elif item.type == "ACCESS":
            made["access"] = Access(str(item))
    return made
