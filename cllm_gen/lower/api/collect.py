"""Which schemas an API needs, which of them are read and which written, and each one's home."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cllm_gen.source import SpecError
from cllm_gen.spec.api import Api, Route, event_name
from cllm_gen.spec.schema import Array, Enum, Group, Map, Object, Type, Union

Named = Enum | Object | Union | Group


@dataclass
class Home:
    """One spec file's schemas, which become one C file and header of the same name."""

    name: str
    path: str
    schemas: list[Named] = field(default_factory=list)


@dataclass
class Collection:
    homes: list[Home]
    reads: set[str]
    writes: set[str]
    events: dict[str, str]
    """Objects that are events of streams, with the names of those that have one."""
    lists: set[str]
    """Objects of which an answer is an array."""


def base_of(group: Group) -> Group:
    """The group with its own defaults."""
    return group.base or group


def children(schema: Type | Group) -> Iterable[Type | Group]:
    """The types directly inside a type."""
    if isinstance(schema, Object):
        groups = [base_of(group) for group in schema.groups]
        return [*(item.type for item in schema.own_fields), *groups]
    if isinstance(schema, Group):
        return [item.type for item in schema.fields]
    if isinstance(schema, Union):
        return [type for _, type in schema.alternatives]
    if isinstance(schema, Map):
        return [schema.value]
    return [schema.item] if isinstance(schema, Array) else []


def named_children(schema: Type | Group) -> list[Named]:
    """The named schemas directly inside a type, looking through arrays."""
    found: list[Named] = []
    for child in children(schema):
        if isinstance(child, (Enum, Object, Union, Group)):
            found.append(child)
        elif isinstance(child, (Array, Map)):
            found += named_children(child)
    return found


def home_name(schema: Named) -> str:
    return Path(schema.span.file).stem


def routes_of(families: Sequence[Api]) -> list[Route]:
    return [route for family in families for route in family.routes]


def collect(families: Sequence[Api]) -> Collection:
    """Every schema that a route reaches, once, inner before outer, grouped by home. Homes come in
    the order in which routes first need them."""
    known: dict[str, Named] = {}
    uses: dict[str, set[str]] = {"read": set(), "write": set()}
    homes: dict[str, Home] = {}

    def visit(schema: Named, use: str) -> None:
        if known.setdefault(schema.name, schema) is not schema and known[schema.name] != schema:
            raise SpecError(
                schema.span,
                f"a second schema named {schema.name!r}",
                f"each name once (first in {known[schema.name].span})",
                'Object("usage_of_chat", ...)',
            )
        if schema.name in uses[use]:
            return
        uses[use].add(schema.name)
        for child in named_children(schema):
            visit(child, use)
        home = homes.setdefault(home_name(schema), Home(home_name(schema), schema.span.path))
        if home.path != schema.span.path:
            raise SpecError(
                schema.span,
                f"schemas in two files named {home.name}.py",
                f"different file names ({home.path} has it too)",
                "specs/api/chat.py",
            )
        if all(other.name != schema.name for other in home.schemas):
            home.schemas.append(schema)

    events: dict[str, str] = {}
    lists = set()
    for route in routes_of(families):
        if route.request:
            visit(route.request, "read")
        if isinstance(route.response, Array):
            assert isinstance(route.response.item, Object)  # Route sees to it
            visit(route.response.item, "write")
            lists.add(route.response.item.name)
        elif isinstance(route.response, (Object, Union)):
            visit(route.response, "write")
        for event in route.events:
            visit(event, "write")
            events[event.name] = (event_name(event) or "") if route.has_named_events else ""
    for home in homes.values():
        home.schemas = _inner_first(home.schemas)
    return Collection(list(homes.values()), uses["read"], uses["write"], events, lists)


def _inner_first(schemas: list[Named]) -> list[Named]:
    """The order of the spec file, but nothing before what it holds."""
    done: list[Named] = []
    inside = {schema.name for schema in schemas}

    def visit(schema: Named) -> None:
        if schema.name in inside and all(other.name != schema.name for other in done):
            for child in named_children(schema):
                visit(child)
            done.append(schema)

    for schema in sorted(schemas, key=lambda each: each.span.line):
        visit(schema)
    return done
