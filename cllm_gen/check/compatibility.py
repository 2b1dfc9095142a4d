"""What a change of the API means to its clients: two OpenAPI documents in, sentences out.

Breaking is judged from the client's side: a request that was accepted must still be accepted, and
a response must still hold what it held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BOUNDS = {  # keyword: (what it bounds, +1 if a larger value is stricter, else -1)
    "minimum": +1,
    "exclusiveMinimum": +1,
    "minLength": +1,
    "minItems": +1,
    "maximum": -1,
    "exclusiveMaximum": -1,
    "maxLength": -1,
    "maxItems": -1,
}


@dataclass(frozen=True)
class Change:
    """One sentence in Markdown, and whether an existing client can notice it."""

    text: str
    breaking: bool

    def line(self) -> str:
        return f"- {'**breaking** ' if self.breaking else ''}{self.text}"


def compare_apis(old: dict, new: dict) -> list[Change]:
    """Changes from one OpenAPI 3.1 document to another, in the new document's order."""
    before, after = dict(_operations(old)), dict(_operations(new))
    changes = [Change(f"route `{name}` removed", True) for name in before if name not in after]
    for name, operation in after.items():
        if name not in before:
            changes.append(Change(f"route `{name}` added", False))
            continue
        changes += _compare_operation(name, old, before[name], new, operation)
    return changes


def _operations(document: dict) -> Iterator[tuple[str, dict]]:
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            for each in (path, *operation.get("x-aliases", [])):
                yield f"{method.upper()} {each}", operation


def _compare_operation(name: str, old: dict, before: dict, new: dict, after: dict) -> list[Change]:
    changes = []
    if bool(before.get("security")) != bool(after.get("security")):
        needs = bool(after.get("security"))
        changes.append(
            Change(f"`{name}` {'now needs' if needs else 'no longer needs'} authentication", needs)
        )
    changes += _compare_schemas(
        f"{name} request", old, _request(before), new, _request(after), True
    )
    responses, answers = before.get("responses", {}), after.get("responses", {})
    for status in sorted(set(responses) | set(answers)):
        if status not in answers:
            changes.append(Change(f"`{name}` no longer answers {status}", True))
        elif status not in responses:
            changes.append(Change(f"`{name}` may answer {status}", False))
        else:
            for kind in sorted(set(_contents(responses[status])) | set(_contents(answers[status]))):
                changes += _compare_schemas(
                    f"{name} {status} {kind}",
                    old,
                    _contents(responses[status]).get(kind),
                    new,
                    _contents(answers[status]).get(kind),
                    False,
                )
    return changes


def _request(operation: dict) -> dict | None:
    return _contents(operation.get("requestBody", {})).get("application/json")


def _contents(part: dict) -> dict[str, dict]:
    return {kind: item.get("schema", {}) for kind, item in part.get("content", {}).items()}


def _compare_schemas(
    where: str, old: dict, before: dict | None, new: dict, after: dict | None, request: bool
) -> list[Change]:
    if before is None and after is None:
        return []
    left = dict(_flatten(old, before or {}, ""))
    right = dict(_flatten(new, after or {}, ""))
    changes = [
        Change(f"{where}: field `{path}` removed", True) for path in left if path not in right
    ]
    for path, facts in right.items():
        if path not in left:
            needed = request and facts["required"]
            changes.append(
                Change(f"{where}: {'required ' if needed else ''}field `{path}` added", needed)
            )
        else:
            changes += _compare_fields(f"{where}: field `{path}`", left[path], facts, request)
    return changes


def _flatten(
    document: dict, schema: dict, path: str, seen: tuple[str, ...] = ()
) -> Iterator[tuple[str, dict]]:
    """Every field below a schema as (dotted path, facts); arrays are written `[]`."""
    reference = schema.get("$ref")
    if reference in seen:
        return
    if reference:
        seen = (*seen, reference)
        schema = document
        for part in reference.removeprefix("#/").split("/"):
            schema = schema[part]
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _flatten(document, branch, path, seen)
    if "items" in schema:
        yield from _flatten(document, schema["items"], path + "[]", seen)
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, {"required": name in required, "type": _type(document, field), "schema": field}
        yield from _flatten(document, field, below, seen)


def _type(document: dict, schema: dict) -> str:
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[-1]
    branches = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
    if branches:
        return " or ".join(_type(document, branch) for branch in branches)
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else kind


def _compare_fields(where: str, left: dict, right: dict, request: bool) -> list[Change]:
    changes = []
    if left["type"] != right["type"]:
        changes.append(Change(f"{where} was {left['type']}, is {right['type']}", True))
    if left["required"] != right["required"]:
        word = "is now required" if right["required"] else "is now optional"
        changes.append(
            Change(f"{where} {word}", right["required"] if request else not right["required"])
        )
    before, after = left["schema"], right["schema"]
    old_rules, new_rules = dict(_rules(before)), dict(_rules(after))
    for rule in [*old_rules, *(rule for rule in new_rules if rule not in old_rules)]:
        old, new = old_rules.get(rule), new_rules.get(rule)
        if old != new and rule.endswith("enum"):
            changes += _compare_enums(where, old or [], new or [])
        elif old != new:
            stricter = request and _stricter(old, new, _BOUNDS[rule.split()[-1]])
            changes.append(Change(f"{where} `{rule}` {_change(old, new)}", stricter))
    if before.get("default") != after.get("default"):
        changes.append(
            Change(f"{where} default {_change(before.get('default'), after.get('default'))}", False)
        )
    return changes


def _rules(schema: dict, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Bounds and enums of a field, those of its alternatives and of its items included."""
    for keyword in (*_BOUNDS, "enum"):
        if keyword in schema:
            yield f"{inside}{keyword}", schema[keyword]
    for branch in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _rules(branch, inside)
    if "items" in schema:
        yield from _rules(schema["items"], f"{inside}items ")


def _compare_enums(where: str, old: list, new: list) -> list[Change]:
    gone = [Change(f"{where} value `{value}` removed", True) for value in old if value not in new]
    return gone + [
        Change(f"{where} value `{value}` added", False) for value in new if value not in old
    ]


def _change(old: Any, new: Any) -> str:
    if old is None:
        return f"{new!r} added"
    return f"{old!r} removed" if new is None else f"changed from {old!r} to {new!r}"


def _stricter(old: Any, new: Any, direction: int) -> bool:
    if new is None or old is None:
        return old is None
    return (new - old) * direction > 0
