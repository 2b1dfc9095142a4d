"""Symbols of a linked image: for the table of function names that backtraces use, and for sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cllm_gen.image.tool import run_tool


@dataclass(frozen=True, order=True)
class Symbol:
    """One named thing in the image; `kind` is nm's letter."""

    address: int
    name: str
    size: int
    kind: str


def read_symbols(root: Path, image: Path) -> list[Symbol]:
    """All defined symbols, by address."""
    found = []
    for line in run_tool(root, ["nm", "-S", "--defined-only", str(image)]).splitlines():
        fields = line.split()
        size = int(fields[1], 16) if len(fields) == 4 else 0
        found.append(Symbol(int(fields[0], 16), fields[-1], size, fields[-2]))
    return sorted(found)


def functions(symbols: list[Symbol]) -> list[Symbol]:
    """What a return address can lie in: one name for each address of the text."""
    by_address: dict[int, Symbol] = {}
    for symbol in symbols:
        if symbol.kind in "tT" and not symbol.name.startswith("layout_"):
            by_address.setdefault(symbol.address, symbol)
    return list(by_address.values())


def symbol_table(table: list[Symbol]) -> str:
    """The table as assembly, in the form that kernel_static/arch/x86/symbols.c reads."""
    lines = ['.section .symbols, "a"', ".balign 8"]
    lines += [".global symbol_count, symbol_table, symbol_names"]
    lines += ["symbol_count:", f".long {len(table)}", "symbol_table:"]
    offset = 0
    for symbol in table:
        lines.append(f".long {symbol.address:#x}, {offset}")
        offset += len(symbol.name) + 1
    lines += ["symbol_names:", ".byte 0" if not table else ""]
    lines += [f'.asciz "{symbol.name}"' for symbol in table]
    return "\n".join([*lines, '.section .note.GNU-stack, "", @progbits', ""])
