"""How large an image is, by section and by symbol."""

from __future__ import annotations

from pathlib import Path

from cllm_gen.image.symbols import Symbol, read_symbols
from cllm_gen.image.tool import run_tool

_SHOWN = (".text", ".rodata", ".data", ".bss")


def section_sizes(root: Path, image: Path) -> dict[str, int]:
    """Bytes of each section that is loaded."""
    sizes = dict.fromkeys(_SHOWN, 0)
    for line in run_tool(root, ["size", "-A", str(image)]).splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[0] in sizes:
            sizes[fields[0]] = int(fields[1])
    return sizes


def largest_symbols(root: Path, image: Path, count: int = 10) -> list[Symbol]:
    """The symbols that take most bytes, largest first."""
    return sorted(read_symbols(root, image), key=lambda symbol: (-symbol.size, symbol.name))[:count]
