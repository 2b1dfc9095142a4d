"""Whether every handler that a spec names exists in kernel_static/api with the generated prototype.

The sources are read with pycparser, so the answer comes without a compiler; everything that is
missing is said in one message, with the text to paste and the file to paste it into.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycparser import c_ast, c_generator

from cllm_gen.emit.syntax import SyntaxProblem, parse
from cllm_gen.lower.api.router import handlers
from cllm_gen.spec.api import Api


class MissingHandlers(Exception):
    """Handlers that specs name and kernel_static/api lacks, or has with another signature."""


@dataclass(frozen=True)
class _Function:
    signature: str
    place: str
    static: bool


def check_handlers(root: Path, families: Iterable[Api]) -> None:
    """Raises MissingHandlers unless all handlers of all families are there."""
    wanted: dict[str, tuple[dict, str]] = {}
    for family in families:
        for entry in handlers(family.routes):
            wanted.setdefault(entry["handler"], (entry, family.name))
    present, unreadable = _functions(root)
    problems = [
        text
        for entry, family in wanted.values()
        if (text := _problem(entry, family, present.get(entry["handler"]), root))
    ]
    if problems:
        one = len(problems) == 1
        title = f"{'one handler is' if one else f'{len(problems)} handlers are'} missing or "
        title += f"differ{'s' if one else ''} from the spec"
        raise MissingHandlers("\n\n".join([title, *problems, *unreadable]))


def _problem(entry: dict, family: str, found: _Function | None, root: Path) -> str:
    prototype, file = entry["prototype"], f"kernel_static/api/{family}.c"
    spec = f"{entry['place']}: {entry['notation']}\n  "
    wanted = _signature(parse("prototype", prototype + ";").ext[-1])
    if found is None:
        include = "" if (root / file).exists() else '\n#include "api/handlers.h"\n'
        return f"{spec}no function {entry['handler']} in kernel_static/api; add to {file}:\n{include}\n{prototype} {{\n}}"
    if found.static:
        return f"{spec}{found.place}: {entry['handler']} is static; it must be:\n\n{prototype}"
    if found.signature != wanted:
        return (
            f"{spec}{found.place}: {entry['handler']} has another signature\n"
            f"  found:    {found.signature}\n  expected: {wanted}\n\n{prototype}"
        )
    return ""


def _functions(root: Path) -> tuple[dict[str, _Function], list[str]]:
    """Every function defined in kernel_static/api, and a note for each file that cannot be read."""
    found: dict[str, _Function] = {}
    unreadable: list[str] = []
    folder = root / "kernel_static" / "api"
    for path in sorted([*folder.glob("*.h"), *folder.glob("*.c")]):
        name = path.relative_to(root).as_posix()
        try:
            tree = parse(name, path.read_text(encoding="utf-8", errors="replace"))
        except SyntaxProblem as problem:
            detail = str(problem).removeprefix("generated C does not parse: ")
            unreadable.append(f"{name} could not be read (handlers in it are not seen): {detail}")
            continue
        for node in tree.ext:
            if isinstance(node, c_ast.FuncDef):
                declaration = node.decl
                place = f"{name}:{declaration.coord.line if declaration.coord else 0}"
                found[declaration.name] = _Function(
                    _signature(declaration), place, "static" in declaration.storage
                )
    return found, unreadable


def _signature(declaration: Any) -> str:
    """Return type and parameter types, without parameter names."""
    function = declaration.type
    generator = c_generator.CGenerator()
    parameters = function.args.params if function.args else []
    shown = [generator.visit(_nameless(parameter)) for parameter in parameters]
    return f"{generator.visit(_nameless(function.type))} ({', '.join(shown) or 'void'})"


def _nameless(node: Any) -> Any:
    """The type of a declaration, its names taken out."""
    if isinstance(node, c_ast.EllipsisParam):
        return node
    inner = node.type if isinstance(node, (c_ast.Decl, c_ast.Typename)) else node
    innermost = inner
    while not isinstance(innermost, c_ast.TypeDecl):
        innermost = innermost.type
    innermost.declname = None
    return c_ast.Typename(None, innermost.quals, None, inner)
