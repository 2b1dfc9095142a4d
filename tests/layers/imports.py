"""Reads every import of the project's Python, wherever in a file it stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.layers.order import SPECS_MAY_IMPORT, Rows


@dataclass(frozen=True)
class Import:
    """`module`, in line `line` of its file, imports `target`; both dotted."""

    module: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def modules(root: Path, package: str) -> dict[str, Path]:
    """Dotted name to file of every module below `package`."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((root / package).rglob("*.py"))
    }


def imports_of(module: str, text: str) -> Iterator[Import]:
    """Every import of a module's text: at its top, in functions, and by import_module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports by dots; say the whole name"
            for alias in node.names:
                yield Import(module, node.lineno, f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield Import(module, node.lineno, _beginning(node.args[0]))


def _beginning(name: ast.expr) -> str:
    """What is known of a computed module name: its constant beginning."""
    first = name.values[0] if isinstance(name, ast.JoinedStr) else name
    assert isinstance(first, ast.Constant), f"import_module({ast.unparse(name)})"
    return str(first.value).rstrip(".")


def place(rows: Rows, package: str, dotted: str) -> tuple[int, str] | None:
    """The row and the layer of a module below `package`; None: it has no place."""
    parts = dotted.split(".")
    name = parts[1] if parts[0] == package and len(parts) > 1 else ""
    return next(((row, name) for row, members in enumerate(rows) if name in members), None)


def wrong(found: Import, rows: Rows, package: str) -> str:
    """What is wrong with an import within `package`; "" where nothing is."""
    here, there = (place(rows, package, each) for each in (found.module, found.target))
    if here is None or there is None:
        return f"{found}: give {found.target if here else found.module} a place in tests/layers/order.py"
    if here[1] == there[1] or there[0] < here[0]:
        return ""
    return f"{found}, which is {'beside' if there[0] == here[0] else 'above'} it"


def wrong_in_spec(found: Import, rows: Rows, standard: frozenset[str]) -> str:
    """What is wrong with an import of a spec."""
    top = found.target.split(".")[0]
    if top == "specs":
        return wrong(found, rows, "specs")
    known = top in standard or ".".join(found.target.split(".")[:2]) in SPECS_MAY_IMPORT
    return "" if known else f"{found}, which is no business of specs"
