"""Types of JSON values, as an API's requests and responses declare them.

    greeting = Object(
        "greeting",
        "What to say to whom.",
        Field("name", String(least=1), "Who is greeted."),
        Field("times", Integer(least=1, most=9), "How often.", default=1),
        Unsupported("language", "only English is spoken", allow=(None, "en")),
    )

An `Object`, `Union` or `Enum` has a name, which becomes its C struct or enum; an array's C struct is
named after the field that holds it. A field is required unless it has a default or says
`required=False`. Keys that no field names are read over. A `Group` is members that objects share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.c_names import C_WORDS, NAME, check_name, enumerator
from cllm_gen.spec.scalar import (
    Base64,
    Boolean,
    Float,
    Integer,
    Literal,
    Number,
    String,
    bounds,
    literal_span,
)

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Enum:
    """One of several strings."""

    name: str
    values: tuple[str, ...]
    span: Span

    def __init__(self, name: str, *values: str):
        span = literal_span(caller_span(), name)
        check_name(span, "enum", name, 'Enum("role", "user", "assistant")')
        symbols = [enumerator(value) for value in values]
        if not values or len(set(symbols)) != len(values) or "" in symbols:
            raise SpecError(
                span,
                f"Enum {name!r} of {list(values)!r}",
                "different strings with letters or digits",
                'Enum("role", "user", "assistant")',
            )
        _set(self, name=name, values=values, span=span)


@dataclass(frozen=True)
class Array:
    """Values of one type in order. Those of a `made` one, which is only written, do not lie in memory: C
    gives a function that makes each when its turn comes."""

    item: Type
    least: int = 0
    most: int | None = None
    made: bool = False

    def __post_init__(self) -> None:
        most = self.least if self.most is None else self.most
        example = "Array(String(), least=1)"
        bounds(caller_span(), "Array", self.least, most, 0, 1 << 31, example)
        _check_type(caller_span(), "Array", self.item, example)


@dataclass(frozen=True)
class Map:
    """An object whose keys are anybody's, with values of one type; in C, entries in order. A key that
    comes twice makes two entries."""

    value: Type

    def __post_init__(self) -> None:
        _check_type(caller_span(), "Map", self.value, "Map(Number())")


@dataclass(frozen=True)
class Field:
    """A member of an object. `nullable` admits null, which in a request means the default, or
    absence if there is none."""

    name: str
    type: Type
    doc: str
    default: Any = MISSING
    required: bool | None = None
    nullable: bool = False
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        span = literal_span(self.span, self.name)
        object.__setattr__(self, "span", span)
        example = 'Field("max_tokens", Integer(least=1), "Most tokens to generate.", default=16)'
        if not isinstance(self.name, str) or not _KEY.match(self.name):
            raise SpecError(span, f"field name {self.name!r}", "letters, digits and '_'", example)
        _check_type(span, f"field {self.name!r}", self.type, example)
        if not isinstance(self.doc, str) or not self.doc.strip():
            raise SpecError(
                span, f"field {self.name!r} without a description", "a sentence", example
            )
        if self.default is not MISSING:
            if self.required:
                raise SpecError(
                    span,
                    f"field {self.name!r} both required and with a default",
                    "one of the two",
                    example,
                )
            _check_default(span, self.name, self.type, self.default)
        object.__setattr__(
            self, "required", self.default is MISSING if self.required is None else self.required
        )


@dataclass(frozen=True)
class Unsupported:
    """A field that would change the answer in a way this appliance cannot: refused, with the reason,
    unless it has one of the values that change nothing."""

    name: str
    reason: str
    allow: tuple = (None,)
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        span = literal_span(self.span, self.name)
        object.__setattr__(self, "span", span)
        example = (
            'Unsupported("logprobs", "log probabilities are not computed", allow=(None, False))'
        )
        if not _KEY.match(self.name):
            raise SpecError(span, f"field name {self.name!r}", "a C identifier", example)
        if not self.reason.strip():
            raise SpecError(
                span, f"field {self.name!r} without a reason", "why it is refused", example
            )
        for value in self.allow if isinstance(self.allow, tuple) else (self.allow, 0j):
            if not (
                value is None or isinstance(value, (bool, int, float, str)) or value in ([], {})
            ):
                raise SpecError(
                    span,
                    f"allow={self.allow!r}",
                    "a tuple of None, booleans, numbers, strings, [] or {}",
                    example,
                )


@dataclass(frozen=True)
class Ignored:
    """A field that clients send and that changes nothing here; named so that the pages list it."""

    name: str
    reason: str
    span: Span = field(default_factory=caller_span)

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", literal_span(self.span, self.name))
        if not _KEY.match(self.name) or not self.reason.strip():
            raise SpecError(
                self.span,
                f"Ignored({self.name!r}, {self.reason!r})",
                "a field name and why it changes nothing",
                'Ignored("user", "there is one tenant")',
            )


Member: TypeAlias = Field | Unsupported | Ignored


@dataclass(frozen=True)
class Group:
    """Members that several requests have: in JSON they stand among the object's own; in C in a struct of
    their own, a member of the object's with the group's name, which one function reads for all."""

    name: str
    doc: str
    members: tuple[Member, ...]
    span: Span
    base: Group | None
    """Whose defaults `with_defaults` changed; None: they are its own."""

    def __init__(self, name: str, doc: str, *members: Member):
        span = literal_span(caller_span(), name)
        example = (
            'Group("sampling_options", "How to draw.", Field("top_k", Integer(), "...", default=0))'
        )
        _check_members("group", name, doc, members, span, example)
        if not any(isinstance(each, Field) for each in members):
            raise SpecError(span, f"group {name!r} without a field", "one Field or more", example)
        for each in members:
            if not isinstance(each, (Field, Unsupported, Ignored)):
                raise SpecError(
                    span, f"{each!r} in group {name!r}", "Field, Unsupported or Ignored", example
                )
            if isinstance(each, Field) and each.required:
                raise SpecError(
                    each.span,
                    f"required field {each.name!r} in group {name!r}",
                    "fields with a default or required=False",
                    example,
                )
        _set(self, name=name, doc=doc, members=members, span=span, base=None)

    def with_defaults(self, **defaults: Any) -> Group:
        """The group with other defaults for fields that have one."""
        example = "sampling_options.with_defaults(temperature=0.8)"
        for name in defaults:
            known = [each.name for each in self.fields if each.default is not MISSING]
            if name not in known:
                raise SpecError(
                    caller_span(),
                    f"a default for {name!r} of group {self.name!r}",
                    f"fields that have one: {', '.join(known)}",
                    example,
                )
        members = tuple(
            (
                replace(each, default=defaults[each.name], required=None)
                if isinstance(each, Field) and each.name in defaults
                else each
            )
            for each in self.members
        )
        made = object.__new__(Group)
        _set(made, name=self.name, doc=self.doc, members=members, span=self.span, base=self)
        return made

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(member for member in self.members if isinstance(member, Field))


@dataclass(frozen=True)
class Object:
    """A JSON object; its name is its C struct's. `own` are the members that are not a group's."""

    name: str
    doc: str
    members: tuple[Member, ...]
    own: tuple[Member, ...]
    groups: tuple[Group, ...]
    span: Span

    def __init__(self, name: str, doc: str, *members: Member | Group):
        span = literal_span(caller_span(), name)
        example = 'Object("greeting", "What to say.", Field("name", String(), "To whom."))'
        flat: list[Member] = []
        for each in members:
            if not isinstance(each, (Field, Unsupported, Ignored, Group)):
                raise SpecError(
                    span,
                    f"{each!r} in object {name!r}",
                    "Field, Unsupported, Ignored or Group",
                    example,
                )
            flat += each.members if isinstance(each, Group) else [each]
        groups = tuple(each for each in members if isinstance(each, Group))
        _check_members("object", name, doc, (*flat, *groups), span, example)
        own = tuple(each for each in members if not isinstance(each, Group))
        _set(self, name=name, doc=doc, members=tuple(flat), own=own, groups=groups, span=span)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(member for member in self.members if isinstance(member, Field))

    @property
    def own_fields(self) -> tuple[Field, ...]:
        return tuple(member for member in self.own if isinstance(member, Field))


def _check_members(
    noun: str, name: str, doc: str, members: tuple[Any, ...], span: Span, example: str
) -> None:
    """A name, a description, and no two members that C could not tell apart."""
    check_name(span, noun, name, example)
    if not isinstance(doc, str) or not doc.strip():
        raise SpecError(span, f"{noun} {name!r} without a description", "a sentence", example)
    seen: dict[str, Span] = {}
    for member in members:
        if not hasattr(member, "name"):
            continue
        for taken in (enumerator(member.name), "HAS_" + enumerator(member.name)):
            if taken in seen:
                raise SpecError(
                    member.span,
                    f"a second field {member.name!r} in {noun} {name!r}",
                    f"each name once, whatever its case, and no has_ before it (first on line {seen[taken].line})",
                    example,
                )
            seen[taken] = member.span


@dataclass(frozen=True)
class Union:
    """A value of one of several types, told apart by the first byte of the value (and of its first
    element, for arrays); its name is its C struct's, its alternatives' names are the members'."""

    name: str
    doc: str
    alternatives: tuple[tuple[str, Type], ...]
    span: Span

    def __init__(self, name: str, doc: str, **alternatives: Type):
        span = literal_span(caller_span(), name)
        example = 'Union("stop", "Where to stop.", text=String(), texts=Array(String()))'
        check_name(span, "union", name, example)
        if len(alternatives) < 2:
            raise SpecError(
                span, f"union {name!r} of {len(alternatives)} types", "two or more", example
            )
        seen: dict[tuple[str, ...], str] = {}
        for alternative, type in alternatives.items():
            if not NAME.match(alternative) or alternative in C_WORDS | {"kind"}:
                expected = "lower-case letters, digits and '_', no C keyword and not 'kind'"
                raise SpecError(
                    span, f"alternative {alternative!r} of union {name!r}", expected, example
                )
            _check_type(span, f"alternative {alternative!r}", type, example)
            for mark in first_bytes(type):
                for other, kind in seen.items():
                    if other[: len(mark)] == mark[: len(other)]:
                        raise SpecError(
                            span,
                            f"alternatives {kind!r} and {alternative!r} of union {name!r}, both {' of '.join(mark)}",
                            "types that differ in their first byte, or arrays whose elements do",
                            example,
                        )
            for mark in first_bytes(type):
                seen[mark] = alternative
        _set(self, name=name, doc=doc, alternatives=tuple(alternatives.items()), span=span)


Type: TypeAlias = (
    String
    | Boolean
    | Integer
    | Number
    | Float
    | Base64
    | Literal
    | Enum
    | Array
    | Map
    | Object
    | Union
)
_TYPES = (String, Boolean, Integer, Number, Float, Base64, Literal, Enum, Array, Map, Object, Union)


def first_bytes(type: Type) -> list[tuple[str, ...]]:
    """The kinds of JSON value that a type may begin with; an array's with its elements' kind."""
    if isinstance(type, Array):
        if isinstance(type.item, Union):
            return [("array",)]
        return [("array", mark[0]) for mark in first_bytes(type.item)]
    if isinstance(type, Union):
        return [mark for _, each in type.alternatives for mark in first_bytes(each)]
    if isinstance(type, Literal):
        return [("null",) if type.value is None else ("string",)]
    names = {
        Boolean: "boolean",
        Integer: "number",
        Number: "number",
        Float: "number",
        Object: "object",
        Map: "object",
    }
    return [(names.get(type.__class__, "string"),)]


def _set(target: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(target, name, value)


def _check_type(span: Span, what: str, type: Any, example: str) -> None:
    if not isinstance(type, _TYPES):
        expected = ", ".join(each.__name__ for each in _TYPES)
        raise SpecError(span, f"{what} of type {type!r}", f"one of {expected}", example)


def _check_default(span: Span, name: str, type: Type, default: Any) -> None:
    number = isinstance(default, (int, float)) and not isinstance(default, bool)
    if isinstance(type, Boolean):
        good, expected = isinstance(default, bool), "True or False"
    elif isinstance(type, (Integer, Number)):
        whole = number and (isinstance(type, Number) or isinstance(default, int))
        good, expected = (
            whole and type.least <= default <= type.most,
            f"a number from {type.least} to {type.most}",
        )
    elif isinstance(type, Enum):
        good, expected = default in type.values, "one of " + ", ".join(map(repr, type.values))
    elif isinstance(type, String):
        good, expected = isinstance(default, str), "a string"
    else:
        good, expected = False, "no default (only booleans, numbers, strings and enums have one)"
    if not good:
        raise SpecError(
            span,
            f"default {default!r} of field {name!r}",
            expected,
            'Field("max_tokens", Integer(least=1), "Most tokens to generate.", default=16)',
        )
