"""Reads the wire header notation (wire.lark) into spec objects with source spans."""

from __future__ import annotations

from lark import Tree

from cllm_gen.notation.reading import branch, grammar, inside, note, place, read, token
from cllm_gen.notation.wire_layout import Bit, Field, Layout, Part, Value, WireOption
from cllm_gen.source import Span, SpecError

_PARSER = grammar("wire")
_EXAMPLE = "Source Port: 16 bits -- The sending program's number."
_WORDS = {  # terminals in plain words; "" is never worth mentioning
    "FIELD_NAME": "a field (`Name: N bits`)",
    "VALUE_NAME": "a name of letters, digits, spaces and '()/-",
    "OPTION_NAME": "an option's name followed by `:` or `,`",
    "PART_NAME": "a capitalised part name",
    "NUMBER": "a number (decimal or 0x...)",
    "INT": "a whole number",
    "_BIT": "`bits`",
    "_OCTET": "`octets`",
    "BIT": "`bit N = Name`",
    "OPTION": "`option N = Name: ...`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "MUST": "`must be N`",
    "INITIALLY": "`initially N`",
    "HEADER": "`header length in N octets`",
    "TOTAL": "`total length in octets`",
    "REST": "`rest of the header` or `rest of the message`",
    "EXTENT": "`header` or `message`",
    "COUNTED": "`whole option` or `data`",
    "LENGTH": "`length`",
    "ENDS": "`ends the list`",
    "PADDING": "`padding`",
    "NOTHING": "`nothing`",
    "OCTETS": "`octets`",
    "LIST": "`list of ...`",
    "NOTE": "`-- documentation`",
    "_NL": "the end of the line",
    "$END": "",
}


def read_layout(text: str, call: Span) -> Layout:
    """The layout that `text` declares; `call` is where the spec object is made."""
    start = place(text, call)
    tree = read(_PARSER, text, start, _WORDS, _EXAMPLE)
    fields: list[dict] = []
    options: list[dict] = []
    offset, rest, rest_name, counts_all = 0, "", "", None
    for line in tree.children:
        span = inside(start, line.meta.line, line.meta.column)
        if line.data == "field":
            made = _field(line, offset, span)
            if rest:
                raise SpecError(
                    span,
                    f"field {made['name']!r} after the options",
                    "all fields before `rest of the ...`",
                    "Options: rest of the header",
                )
            offset += made["bits"]
            fields.append(made)
        elif line.data in ("value", "bit"):
            number, name = line.children[:2]
            kind, key = (Value, "values") if line.data == "value" else (Bit, "bit_names")
            item = kind(str(name).strip(), int(str(number), 0), note(line), span)
            owners = options or fields
            if not owners or (options and kind is Bit) or (rest and not options):
                raise SpecError(
                    span,
                    f"{line.data} {item.name!r} below no field",
                    "the field it belongs to above it",
                    "Protocol: 8 bits",
                )
            owners[-1].setdefault(key, []).append(item)
        elif line.data == "rest":
            rest_name, rest = str(line.children[0]).strip(), str(line.children[1])
        elif line.data == "option_length":
            counts_all = line.children[0] == "whole option"
        else:
            options.append(_option(line, span))
    return Layout(
        fields=tuple(_finish(Field, each) for each in fields),
        rest=rest,
        rest_name=rest_name,
        counts_all=counts_all,
        options=tuple(_finish(WireOption, each) for each in options),
    )


def _finish(kind: type, made: dict):
    """The frozen object, now that all its values are known."""
    lists = {key: tuple(value) for key, value in made.items() if isinstance(value, list)}
    return kind(**{**made, **lists})


def _field(line: Tree, offset: int, span: Span) -> dict:
    size = branch(line, 1)
    octets = size.data == "octets"
    made = {
        "name": str(token(line)).strip(),
        "offset": offset,
        "span": span,
        "note": note(line),
        "octets": octets,
        "bits": int(token(size)) * (8 if octets else 1),
    }
    for clause in (item for item in line.children[2:] if isinstance(item, Tree)):
        if clause.data in ("must_be", "initially"):
            made[clause.data] = int(token(clause), 0)
        else:
            unit = branch(clause, 0)
            made["role"], made["unit"] = str(clause.data), int(token(unit)) if unit.children else 1
    return made


def _option(line: Tree, span: Span) -> dict:
    parts = [
        Part("".join(map(str, part.children[:-1])), int(token(part, -1)))
        for part in line.find_data("part")
    ]
    return {
        "name": str(token(line, 1)).strip(),
        "number": int(token(line), 0),
        "shape": line.data.removeprefix("option_"),
        "parts": tuple(parts),
        "note": note(line),
        "span": span,
    }
