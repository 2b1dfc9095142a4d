"""The API as an OpenAPI 3.1 document."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from cllm_gen.lower.api.collect import Collection
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

LINE = 100

_ERROR = {
    "type": "object",
    "description": "What was wrong; `param` names the field.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


_ANTHROPIC_ERROR = {
    "type": "object",
    "description": "What was wrong, in Anthropic's shape.",
    "required": ["type", "error"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
    },
}
_ERRORS = {"openai": "error", "anthropic": "anthropic_error"}


def _error_schemas(families: Sequence[Api]) -> dict:
    """Of the shapes that the routes' errors have."""
    used = {route.errors for family in families for route in family.routes}
    shapes = {"openai": _ERROR, "anthropic": _ANTHROPIC_ERROR}
    return {_ERRORS[shape]: schema for shape, schema in shapes.items() if shape in used}


def schema_of(type: Type) -> dict:
    """A type as JSON Schema (2020-12, which OpenAPI 3.1 uses)."""
    if isinstance(type, (Enum, Object, Union)):
        return {"$ref": f"#/components/schemas/{type.name}"}
    if isinstance(type, Literal):
        return {"type": "null"} if type.value is None else {"const": type.value}
    if isinstance(type, Boolean):
        return {"type": "boolean"}
    if isinstance(type, Base64):
        return {"type": "string", "contentEncoding": "base64"}
    if isinstance(type, Map):
        return {"type": "object", "additionalProperties": schema_of(type.value)}
    if isinstance(type, Array):
        return {
            "type": "array",
            "items": schema_of(type.item),
            **_limits(type, "minItems", "maxItems", 0, None),
        }
    if isinstance(type, String):
        return {"type": "string", **_limits(type, "minLength", "maxLength", 0, None)}
    if isinstance(type, Integer):
        return {"type": "integer", **_limits(type, "minimum", "maximum", -INT64, INT64 - 1)}
    if isinstance(type, Number):
        return {"type": "number", **_limits(type, "minimum", "maximum", -math.inf, math.inf)}
    assert isinstance(type, Float)
    return {"type": "number", "format": "float"}


def _limits(type: Any, low: str, high: str, least: Any, most: Any) -> dict:
    found = {low: type.least} if type.least != least else {}
    return found | ({high: type.most} if type.most != most else {})


def _component(schema: Enum | Object | Union) -> dict:
    if isinstance(schema, Enum):
        return {"type": "string", "enum": list(schema.values)}
    if isinstance(schema, Union):
        return {
            "description": schema.doc,
            "oneOf": [schema_of(type) for _, type in schema.alternatives],
        }
    required = [item.name for item in schema.fields if item.required]
    properties = {}
    for item in schema.members:
        properties[item.name] = _property(item)
    return {
        "type": "object",
        "description": schema.doc,
        **({"required": required} if required else {}),
        "properties": properties,
    }


def _property(item: Field | Unsupported | Ignored) -> dict:
    if isinstance(item, Ignored):
        return {"description": f"Ignored: {item.reason}."}
    if isinstance(item, Unsupported):
        return {"enum": list(item.allow), "description": f"Not supported: {item.reason}."}
    found = schema_of(item.type)
    if item.nullable:
        found = {"anyOf": [found, {"type": "null"}]}
    found = {**found, "description": item.doc}
    return found if item.default is MISSING else {**found, "default": item.default}


def _body(schema: Object | Union | Array) -> dict:
    return {"schema": schema_of(schema)}


def _operation(family: Api, route: Route) -> dict:
    found: dict[str, Any] = {
        "operationId": route.handler.removeprefix("handle_"),
        "tags": [family.name],
        "summary": route.summary,
    }
    if route.authenticated:
        found["security"] = [{"key": []}, {"x_api_key": []}]
    if route.pattern.parameters:
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in route.pattern.parameters
        ]
    if route.request:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": _body(route.request)},
        }
    if route.aliases:
        found["x-aliases"] = list(route.aliases)
    if isinstance(route.response, Text):
        content: dict[str, Any] = {route.response.media_type: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": _body(route.response)}
    if route.stream:
        events = [schema_of(each) for each in route.events]
        one = len(events) == 1
        content["text/event-stream"] = {"schema": events[0] if one else {"oneOf": events}}
    said = route.response.item if isinstance(route.response, Array) else route.response
    assert isinstance(said, (Object, Union, Text))  # Route sees to it
    responses: dict[str, Any] = {"200": {"description": said.doc, "content": content}}
    for status, meaning in route.statuses:
        responses[str(status)] = {"description": meaning}
    responses["default"] = {
        "description": "An error.",
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{_ERRORS[route.errors]}"}
            }
        },
    }
    found["responses"] = responses
    return found


def openapi(families: Sequence[Api], uses: Collection) -> str:
    """The OpenAPI 3.1 document as text, in the order of the specs."""
    paths: dict[str, dict] = {}
    for family in families:
        for route in family.routes:
            paths.setdefault(route.pattern.path, {})[route.pattern.method.lower()] = _operation(
                family, route
            )
    schemas = [
        schema
        for home in uses.homes
        for schema in home.schemas
        if not isinstance(schema, Group)  # its fields are their objects'
    ]
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "cllm",
            "version": "1",
            "description": "Generated by `cllm-gen generate` from "
            + ", ".join(f.span.path for f in families)
            + ".",
        },
        "tags": [{"name": family.name, "description": family.summary} for family in families],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "x_api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": {
                **_error_schemas(families),
                **{schema.name: _component(schema) for schema in schemas},
            },
        },
    }
    return compact_json(document)


def compact_json(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON whose objects and arrays stand on one line where they fit, so that diffs stay short."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + before + len(flat) < LINE or not isinstance(value, (dict, list)) or not value:
        return flat
    inner, lines = " " * (indent + 2), []
    if isinstance(value, dict):
        for key, item in value.items():
            name = json.dumps(key, ensure_ascii=False) + ": "
            lines.append(inner + name + compact_json(item, indent + 2, len(name)))
        opening, closing = "{", "}"
    else:
        lines = [inner + compact_json(item, indent + 2) for item in value]
        opening, closing = "[", "]"
    return opening + "\n" + ",\n".join(lines) + "\n" + " " * indent + closing
