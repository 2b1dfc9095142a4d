"""Schemas to C: the struct, parser and writer of each, as blocks that templates print."""

from __future__ import annotations

import json
import math

from cllm_gen.lower.api.collect import Collection, Home, Named, home_name, named_children
from cllm_gen.lower.api.words import c_string, word_tree
from cllm_gen.source import Span, SpecError
from cllm_gen.spec.c_names import enumerator, member
from cllm_gen.spec.scalar import INT64
from cllm_gen.spec.schema import (
    MISSING,
    Array,
    Base64,
    Boolean,
    Enum,
    Field,
    Float,
    Group,
    Integer,
    Literal,
    Map,
    Number,
    Object,
    String,
    Type,
    Union,
    Unsupported,
    first_bytes,
)

_SIMPLE = {
    String: "struct text",
    Base64: "struct text",
    Boolean: "bool",
    Integer: "int64_t",
    Number: "double",
    Float: "float",
}


def home_blocks(home: Home, uses: Collection, names: dict[str, Span]) -> list[dict]:
    """The blocks of one C file in order. `names` is every C name taken so far, in all files."""
    blocks = []
    for schema in home.schemas:
        for block in _blocks(schema):
            name = block["name"]
            if name in names:
                raise SpecError(
                    block["span"],
                    f"two C types named {name!r}",
                    f"names that differ (the other comes from {names[name]})",
                    'Object("other_name", ...)',
                )
            names[name] = block["span"]
            block["reads"] = schema.name in uses.reads
            block["writes"] = schema.name in uses.writes
            block["event"] = block["name"] in uses.events
            block["event_name"] = uses.events.get(block["name"], "")
            if isinstance(schema, (Object, Group)) and block["kind"] in ("object", "group"):
                own = schema.own_fields if isinstance(schema, Object) else schema.fields
                block["members"] = [_member(schema, item, block) for item in own]
                block["stored"] = [item for item in block["members"] if item["type"]]
            blocks.append(block)
        if schema.name in uses.lists and isinstance(schema, Object):
            blocks += _list(schema)
    return blocks


def _list(schema: Object) -> list[dict]:
    """The array of objects that an answer is."""
    said = schema.span.cite(f'"{schema.name}"')
    (block,) = _arrays(f"{schema.name}_list", Array(schema), said, schema.span)
    return [{**block, "reads": False, "writes": True, "public": True}]


def home_includes(home: Home) -> list[str]:
    """Homes of the schemas that this home's hold, sorted."""
    others = {home_name(child) for schema in home.schemas for child in named_children(schema)}
    return sorted(others - {home.name})


def _blocks(schema: Named) -> list[dict]:
    """A named schema's own block after those of the arrays that only it holds."""
    cite, span = schema.span.cite(f'"{schema.name}"'), schema.span
    if isinstance(schema, Enum):
        symbols = {value: f"{schema.name.upper()}_{enumerator(value)}" for value in schema.values}
        quoted = [json.dumps(value) for value in schema.values]
        rule = f"must be one of {', '.join(quoted)}" if len(quoted) > 1 else f"must be {quoted[0]}"
        return [
            {
                "kind": "enum",
                "name": schema.name,
                "cite": cite,
                "span": span,
                "values": [
                    {"symbol": symbols[value], "json": c_string(json.dumps(value))}
                    for value in schema.values
                ],
                "tree": word_tree(symbols),
                "rule": c_string(rule),
            }
        ]
    held: list[tuple[str, Type, str, Span]]
    if isinstance(schema, Union):
        held = [(name, type, cite, span) for name, type in schema.alternatives]
    else:
        held = [
            (item.name, item.type, item.span.cite(f'"{item.name}"'), item.span)
            for item in (schema.own_fields if isinstance(schema, Object) else schema.fields)
        ]
    blocks = [
        block
        for name, type, said, place in held
        for block in _arrays(f"{schema.name}_{name}", type, said, place)
    ]
    if isinstance(schema, Union):
        return [*blocks, _union(schema, cite)]
    members = {
        item.name: f"{schema.name.upper()}_KEY_{enumerator(item.name)}" for item in _keys(schema)
    }
    block = {
        "kind": "object" if isinstance(schema, Object) else "group",
        "name": schema.name,
        "cite": cite,
        "span": span,
        "doc": schema.doc,
        "tree": word_tree(members),
        "keys": list(members.values()),
        "unknown": f"{schema.name.upper()}_NO_KEY",
        "refused": [
            _refused(schema, item) for item in _own(schema) if isinstance(item, Unsupported)
        ],
        "groups": _groups(schema) if isinstance(schema, Object) else [],
    }
    return [*blocks, block]


def _own(schema: Object | Group) -> tuple:
    return schema.own if isinstance(schema, Object) else schema.members


def _keys(schema: Object | Group) -> list[Field | Unsupported]:
    return [item for item in _own(schema) if isinstance(item, (Field, Unsupported))]


def _groups(schema: Object) -> list[dict]:
    """The groups of an object, with the values that their fields have where nothing is said."""
    return [
        {
            "name": group.name,
            "doc": group.doc,
            "defaults": [
                f".{member(item.name)} = {_default(item.type, item.default)}"
                for item in group.fields
                if item.default is not MISSING
            ]
            or ["0"],
        }
        for group in schema.groups
    ]


def _arrays(name: str, type: Type, cite: str, span: Span) -> list[dict]:
    """The struct of an array or map, after its elements' if they are such too."""
    if isinstance(type, Map):
        value = f"{name}_value"
        return [
            *_arrays(value, type.value, cite, span),
            {
                "kind": "map",
                "name": name,
                "cite": cite,
                "span": span,
                "value": c_type(value, type.value),
                "read": read_call(value, type.value, "&items[value->count].value", "path"),
                "write": write_call(value, type.value, "value->items[i].value"),
            },
        ]
    if not isinstance(type, Array):
        return []
    item = f"{name}_item"
    return [
        *_arrays(item, type.item, cite, span),
        {
            "kind": "array",
            "name": name,
            "cite": cite,
            "span": span,
            "item": c_type(item, type.item),
            "read": read_call(item, type.item, "&items[value->count]"),
            "write": write_call(item, type.item, "item" if type.made else "value->items[i]"),
            "made": type.made,
            "public": False,
            "least": type.least,
            "most": "SIZE_MAX" if type.most is None else type.most,
        },
    ]


def _union(schema: Union, cite: str) -> dict:
    alternatives: list[dict] = []
    by_kind: dict[str, list[tuple[tuple[str, ...], dict]]] = {}
    for name, type in schema.alternatives:
        place = f"{schema.name}_{name}"
        symbol = f"{schema.name.upper()}_{name.upper()}"
        alternative = {
            "name": name,
            "symbol": symbol,
            "type": c_type(place, type),
            "read": read_call(place, type, f"&value->{name}", "path"),
            "write": write_call(place, type, f"value->{name}"),
        }
        alternatives.append(alternative)
        for mark in first_bytes(type):
            by_kind.setdefault(mark[0], []).append((mark, alternative))
    cases = []
    for kind, marks in by_kind.items():
        same = all(alternative is marks[0][1] for _, alternative in marks)
        cases.append(
            {
                "kind": f"JSON_{kind.upper()}",
                "first": marks[0][1],
                "elements": (
                    []
                    if same
                    else [
                        {"kind": f"JSON_{mark[1].upper()}", **alternative}
                        for mark, alternative in marks
                    ]
                ),
            }
        )
    return {
        "kind": "union",
        "name": schema.name,
        "cite": cite,
        "span": schema.span,
        "doc": schema.doc,
        "alternatives": alternatives,
        "cases": cases,
        "expected": c_string(_or(_say(schema))),
    }


def _say(type: Type, many: bool = False) -> list[str]:
    """What a type is called in an error's sentence."""
    if isinstance(type, Union):
        return [words for _, each in type.alternatives for words in _say(each, many)]
    if isinstance(type, Array):
        inner = " or ".join(_say(type.item, True))
        return [f"{'arrays' if many else 'an array'} of {inner}"]
    one = {
        Boolean: "a boolean",
        Integer: "an integer",
        Number: "a number",
        Float: "a number",
        Object: "an object",
        Map: "an object",
    }
    words = one.get(type.__class__, "a string")
    return [words.split(" ", 1)[1] + "s" if many else words]


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def c_type(place: str, type: Type) -> str:
    """The C type of a value; an array's is named after the place that holds it."""
    if isinstance(type, Enum):
        return f"enum {type.name}"
    if isinstance(type, Integer) and type.bits == 32:
        return "int32_t"
    if isinstance(type, (Object, Union)):
        return f"struct {type.name}"
    return f"struct {place}" if isinstance(type, (Array, Map)) else _SIMPLE[type.__class__]


def read_call(place: str, type: Type, target: str, path: str = "&here") -> str:
    """The call that reads a value into `target` (a pointer expression)."""
    start = f"reader, {path}, "
    if isinstance(type, String):
        most = "SIZE_MAX" if type.most is None else type.most
        return f"json_string({start}{type.least}, {most}, {target})"
    if isinstance(type, Boolean):
        return f"json_boolean({start}{target})"
    if isinstance(type, Integer):
        return f"json_integer({start}{c_integer(type.least)}, {c_integer(type.most)}, {target})"
    if isinstance(type, Number):
        return f"json_number({start}{c_real(type.least)}, {c_real(type.most)}, {target})"
    if isinstance(type, (Float, Base64, Literal)):
        return ""
    return f"{place if isinstance(type, (Array, Map)) else type.name}_parse({start}{target})"


def write_call(place: str, type: Type, value: str) -> str:
    """The call that writes `value` (an lvalue expression)."""
    if isinstance(type, Literal):
        return f"json_write_raw(buffer, {c_string(json.dumps(type.value))})"
    if isinstance(type, Enum):
        return f"{type.name}_write(buffer, {value})"
    if isinstance(type, (String, Base64, Boolean, Integer, Number, Float)):
        return f"json_write_{type.__class__.__name__.lower()}(buffer, {value})"
    return f"{place if isinstance(type, (Array, Map)) else type.name}_write(buffer, &{value})"


def _member(schema: Object | Group, item: Field, block: dict) -> dict:
    place = f"{schema.name}_{item.name}"
    literal = isinstance(item.type, Literal)
    has = not literal and item.default is MISSING and (item.nullable or not item.required)
    name = member(item.name)
    return {
        "name": name,
        "doc": item.doc,
        "key": c_string(item.name),
        "symbol": f"{schema.name.upper()}_KEY_{enumerator(item.name)}",
        "type": "" if literal else c_type(place, item.type),
        "read": read_call(place, item.type, f"&value->{name}"),
        "write": write_call(place, item.type, f"value->{name}"),
        "has": has,
        "required": item.required,
        "nullable": item.nullable,
        "omitted": not item.required and item.default is MISSING,
        "is_null": has and item.nullable and not item.required and block["writes"],
        "default": "" if item.default is MISSING else _default(item.type, item.default),
    }


def _default(type: Type, value) -> str:
    if isinstance(type, Enum):
        return f"{type.name.upper()}_{enumerator(value)}"
    if isinstance(type, Boolean):
        return "true" if value else "false"
    if isinstance(type, String):
        return f"(struct text){{{c_string(value)}, {len(value.encode())}}}"
    return c_integer(value) if isinstance(type, Integer) else c_real(float(value))


def _refused(schema: Object | Group, item: Unsupported) -> dict:
    checks, words = [], []
    for value in item.allow:
        if value is None:
            checks.append("json_is_null(reader)")
        elif isinstance(value, bool):
            checks.append(f"json_is_boolean(reader, {'true' if value else 'false'})")
        elif isinstance(value, (int, float)):
            checks.append(f"json_is_number(reader, {c_real(float(value))})")
        elif isinstance(value, str):
            checks.append(f"json_is_string(reader, {c_string(value)})")
        else:
            checks.append(
                "json_is_empty_array(reader)" if value == [] else "json_is_empty_object(reader)"
            )
        words.append(json.dumps(value))
    rule = f"is not supported: {item.reason}" + (
        f"; only {_or(words)} is accepted" if words else ""
    )
    return {
        "key": c_string(item.name),
        "symbol": f"{schema.name.upper()}_KEY_{enumerator(item.name)}",
        "checks": checks,
        "rule": c_string(rule),
    }


def c_integer(value: int) -> str:
    if value == -INT64:
        return "INT64_MIN"
    if value == INT64 - 1:
        return "INT64_MAX"
    return str(value) if -(1 << 31) < value < 1 << 31 else f"{value}LL"


def c_real(value: float) -> str:
    if math.isinf(value):
        return "DBL_MAX" if value > 0 else "-DBL_MAX"
    return repr(float(value))
