"""The API as a page to read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from cllm_gen.lower.api.collect import base_of, collect, routes_of
from cllm_gen.spec.api import Api, Route, Text
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
    Ignored,
    Integer,
    Literal,
    Map,
    Number,
    Object,
    String,
    Type,
    Union,
    Unsupported,
)

ERROR_EXAMPLE = {
    "error": {
        "message": "temperature must be between 0 and 2",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": None,
    }
}


def words(type: Type) -> str:
    """A type in a few words, for the page."""
    if isinstance(type, Literal):
        return f"`{json.dumps(type.value)}`"
    if isinstance(type, Enum):
        return " or ".join(f"`{json.dumps(value)}`" for value in type.values)
    if isinstance(type, Object):
        return f"[{type.name}](#{type.name})"
    if isinstance(type, Union):
        return ", or ".join(words(each) for _, each in type.alternatives)
    if isinstance(type, Map):
        return f"object of {words(type.value)} by any key"
    if isinstance(type, Array):
        return f"array of {words(type.item)}{_count(type, '')}"
    if isinstance(type, String):
        return "string" + _count(type, " characters")
    if isinstance(type, Integer):
        return "integer" + _range(type, -INT64, INT64 - 1)
    if isinstance(type, Number):
        return "number" + _range(type, -math.inf, math.inf)
    return {Boolean: "boolean", Float: "number", Base64: "base64 string"}[type.__class__]


def _count(type: Array | String, what: str) -> str:
    if type.most is None:
        return f" ({type.least} or more{what})" if type.least else ""
    if type.least == type.most:
        return f" (exactly {type.most}{what})"
    return f" ({type.least} to {type.most}{what})" if type.least else f" (up to {type.most}{what})"


def _range(type: Integer | Number, least: float, most: float) -> str:
    if type.least != least and type.most != most:
        return f", {type.least} to {type.most}"
    if type.least != least:
        return f", at least {type.least}"
    return f", at most {type.most}" if type.most != most else ""


def _row(item: Field) -> dict:
    if item.default is not MISSING:
        presence = f"default `{json.dumps(item.default)}`"
    else:
        presence = "required" if item.required else "optional"
    kind = words(item.type) + (", or null" if item.nullable else "")
    return {"name": item.name, "kind": kind, "presence": presence, "doc": item.doc}


def _response(route: Route) -> str:
    if isinstance(route.response, Text):
        return f"`{route.response.media_type}`: {route.response.doc}"
    return words(route.response)


def _stream(route: Route) -> str:
    """How the page says what comes in a stream."""
    if route.has_named_events:
        return "with their names: " + ", ".join(words(each) for each in route.events)
    if route.stream is None:
        return ""
    first, *last = map(words, route.events)
    return f"each a {first}, " + (f"the last a {last[0]}" if last else "then `[DONE]`")


def _object(schema: Object | Group) -> dict:
    own = schema.own if isinstance(schema, Object) else schema.members
    return {
        "name": schema.name,
        "doc": schema.doc,
        "rows": [_row(item) for item in own if isinstance(item, Field)],
        "groups": [_group(each) for each in (schema.groups if isinstance(schema, Object) else ())],
        "refused": [
            {
                "name": item.name,
                "reason": item.reason,
                "allow": ", ".join(f"`{json.dumps(value)}`" for value in item.allow),
            }
            for item in own
            if isinstance(item, Unsupported)
        ],
        "ignored": [
            {"name": item.name, "reason": item.reason} for item in own if isinstance(item, Ignored)
        ],
    }


def _group(group: Group) -> dict:
    """A group in an object: where to read of it, and which defaults differ there."""
    others = [
        f"`{new.name}` {json.dumps(new.default)}"
        for new, old in zip(group.fields, base_of(group).fields)
        if new.default != old.default
    ]
    return {"name": group.name, "defaults": ", ".join(others)}


def page(families: Sequence[Api]) -> dict:
    """What the readable page's template shows: families, and each object once, where first used."""
    shown: set[str] = set()
    chapters = []
    for family in families:
        objects = [
            schema
            for home in collect([family]).homes
            for schema in home.schemas
            if isinstance(schema, (Object, Group)) and schema.name not in shown
        ]
        shown |= {schema.name for schema in objects}
        chapters.append(
            {
                "name": family.name,
                "summary": family.summary,
                "routes": [
                    {
                        "notation": route.notation,
                        "summary": route.summary,
                        "handler": route.handler,
                        "key": route.authenticated,
                        "statuses": list(route.statuses),
                        "request": route.request.name if route.request else "",
                        "aliases": ", ".join(f"`{alias}`" for alias in route.aliases),
                        "response": _response(route),
                        "stream": _stream(route),
                    }
                    for route in family.routes
                ],
                "objects": [_object(schema) for schema in objects],
            }
        )
    routes = [{"notation": r.notation, "summary": r.summary} for r in routes_of(families)]
    return {"chapters": chapters, "routes": routes, "error": json.dumps(ERROR_EXAMPLE)}
