"""Routes to C: a tree over path segments, one function a node, and one dispatcher per handler."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cllm_gen.lower.api.words import c_string, word_tree
from cllm_gen.notation.route import Pattern, Segment
from cllm_gen.source import SpecError
from cllm_gen.spec.api import Route

LINE = 100


@dataclass
class _Node:
    segments: tuple[Segment, ...]
    routes: dict[str, Route] = field(default_factory=dict)
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None


def symbol(segments: Sequence[Segment]) -> str:
    """A path as part of a C name: segments joined by two underscores, a parameter as `any`."""
    pieces = ["any" if segment.parameter else _spell(segment.text) for segment in segments]
    return "__".join(["", *pieces]) if pieces else "__root"


def _spell(text: str) -> str:
    """Literal text as part of a C name: what a name cannot hold, and underscores that would read as
    a join, become their hexadecimal code."""
    if text in ("any", "root"):
        return text + "_"
    return re.sub(
        r"[^A-Za-z0-9_]|_(?=_)|(?<=_)_|^_|_$", lambda match: f"_{ord(match[0]):02x}", text
    )


def route_symbol(route: Route) -> str:
    return f"{route.pattern.method.lower()}{symbol(route.pattern.segments)}"


def path_tree(routes: Sequence[Route]) -> _Node:
    """All routes by their segments; raises SpecError where two answer the same requests."""
    root = _Node(())
    for route in routes:
        for pattern in (route.pattern, *route.alias_patterns):
            _add(root, route, pattern)
    return root


def _add(root: _Node, route: Route, pattern: Pattern) -> None:
    """Puts a route at one of its paths."""
    node = root
    for index, segment in enumerate(pattern.segments):
        below = _Node(pattern.segments[: index + 1])
        if segment.parameter:
            node.parameter = node.parameter or below
            node = node.parameter
        else:
            node = node.literals.setdefault(segment.text, below)
    if pattern.method in node.routes:
        other, notation = node.routes[pattern.method], f"{pattern.method} {pattern.path}"
        raise SpecError(
            route.span,
            f"route {notation!r}, which answers the same requests as {other.notation!r}",
            f"each method and path once (first in {other.span})",
            '"POST /v1/models/{model}/unload"',
        )
    node.routes[pattern.method] = route


def node_blocks(root: _Node) -> list[dict]:
    """The matching functions, inner before outer."""
    blocks: list[dict] = []
    names: dict[str, Route] = {}

    def visit(node: _Node, parameters: int) -> str:
        name = f"match{symbol(node.segments)}"
        children = {text: visit(child, parameters) for text, child in node.literals.items()}
        any_child = visit(node.parameter, parameters + 1) if node.parameter else ""
        route = next(iter(node.routes.values()), None)
        if name in names:
            raise SpecError(
                (route or names[name]).span,
                f"a path whose C name {name} another path has too",
                "paths that differ in more than punctuation",
                '"GET /v1/models"',
            )
        names[name] = route or next(iter(_routes_below(node)))
        pieces = [f"{{{s.text}}}" if s.parameter else s.text for s in node.segments]
        blocks.append(
            {
                "name": name,
                "path": "/" + "/".join(pieces),
                "parameters": parameters,
                "routes": [
                    {
                        "method": f"HTTP_{method}",
                        "symbol": f"route_{route_symbol(each)}",
                        "cite": each.span.cite(f'"{each.notation}"'),
                    }
                    for method, each in node.routes.items()
                ],
                "tree": word_tree(children) if children else None,
                "any": any_child,
            }
        )
        return name

    visit(root, 0)
    return blocks


def _routes_below(node: _Node):
    yield from node.routes.values()
    for child in [*node.literals.values(), *([node.parameter] if node.parameter else [])]:
        yield from _routes_below(child)


def handlers(routes: Sequence[Route]) -> list[dict]:
    """One entry per handler, in the order of routes: its prototype and what its dispatcher does."""
    found: dict[str, dict] = {}
    for route in routes:
        subject = route.handler.removeprefix("handle_")
        arguments = ["struct http_exchange *exchange"]
        if route.pattern.parameters:
            arguments.append(f"const struct {subject}_parameters *parameters")
        if route.request:
            arguments.append(f"const struct {route.request.name} *request")
        entry = {
            "handler": route.handler,
            "subject": subject,
            "cite": route.span.cite(f'"{route.notation}"'),
            "summary": route.summary,
            "place": f"{route.span.path}:{route.span.line}",
            "notation": route.notation,
            "parameters": list(route.pattern.parameters),
            "request": route.request.name if route.request else "",
            "prototype": _prototype(route.handler, arguments),
        }
        other = found.setdefault(route.handler, entry)
        if any(other[key] != entry[key] for key in ("parameters", "request")):
            raise SpecError(
                route.span,
                f"handler {route.handler} with other arguments than for {other['notation']!r}",
                "the same path parameters and request wherever a handler is named",
                f'handler="{route.handler}_2"',
            )
    return list(found.values())


def _prototype(handler: str, arguments: list[str]) -> str:
    """As clang-format would break it, leaving room for ` {`."""
    lines = [f"void {handler}("]
    indent = " " * len(lines[0])
    for index, argument in enumerate(arguments):
        text = argument + ("," if index + 1 < len(arguments) else ")")
        if index and len(lines[-1]) + 1 + len(text) > LINE - 2:
            lines.append(indent + text)
        else:
            lines[-1] += (" " if index else "") + text
    return "\n".join(lines)


def route_blocks(routes: Sequence[Route]) -> list[dict]:
    """The route structs, in the order of routes."""
    flag = {True: "true", False: "false"}
    return [
        {
            "symbol": f"route_{route_symbol(route)}",
            "cite": route.span.cite(f'"{route.notation}"'),
            "pattern": c_string(route.pattern.path),
            "method": f"HTTP_{route.pattern.method}",
            "authenticated": flag[route.authenticated],
            "streams": flag[route.stream is not None],
            "has_body": flag[route.request is not None],
            "quiet": route.quiet,
            "errors": f"ERRORS_{route.errors.upper()}" if route.errors != "openai" else "",
            "dispatch": f"dispatch_{route.handler.removeprefix('handle_')}",
        }
        for route in routes
    ]
