"""Tile registers of a traced schedule: which number each named tile has, and the configuration that
shapes them. Source: Intel SDM volume 1, 18.2 (palette 1)."""

from __future__ import annotations

from collections.abc import Mapping

from cllm_gen.schedule.terms import Term, text_of
from cllm_gen.source import SpecError, caller_span
from cllm_gen.spec.isa import RegisterFile, TileShape

PALETTE, COLUMN_BYTES, ROWS = 0, 16, 48
"""Offsets in a configuration of 64 bytes: u8 palette, u16 bytes a row of each tile, u8 rows."""
FENCE = "__atomic_signal_fence(__ATOMIC_SEQ_CST);"
"""Compilers must not hold back stores to memory that a tile is then loaded from."""


class Tiles:
    """The tiles of one kernel, numbered in the order in which its configuration names them."""

    def __init__(self, file: RegisterFile, shape: TileShape):
        self.file, self.shape = file, shape
        self.numbers: dict[str, int] = {}

    def configure(self, name: str, rows: Mapping[str, Term | int]) -> list[str]:
        """C that writes the configuration into a local array `name` and loads it. `rows` gives each
        tile's; all have whole rows of bytes. SpecError when there are more than the CPU has."""
        most = min(self.file.count.values())
        if self.numbers or not 0 < len(rows) <= most:
            raise SpecError(
                caller_span(),
                f"{len(rows)} tiles" + ", configured a second time" * bool(self.numbers),
                f"one configuration of 1 to {most} tiles",
                'p.configure_tiles("shapes", {"sum": rows, "a": rows, "b": 16})',
            )
        self.numbers = {tile: number for number, tile in enumerate(rows)}
        lines = [
            "/* "
            + ", ".join(f"tile {number}: {tile}" for tile, number in self.numbers.items())
            + " */",
            f"uint8_t {name}[64] __attribute__((aligned(64))) = {{[{PALETTE}] = 1}};",
        ]
        for tile, number in self.numbers.items():
            count = rows[tile]
            lines += [
                f"{name}[{COLUMN_BYTES + 2 * number}] = {self.shape.row_bytes};",
                f"{name}[{ROWS + number}] = {text_of(count)};",
            ]
        return [*lines, FENCE, self.shape.configure.replace("{p}", name) + ";"]

    def number(self, name: str) -> int:
        """The number of a tile that the configuration names."""
        if name not in self.numbers:
            raise SpecError(
                caller_span(),
                f"tile {name}",
                f"a tile of the configuration: {', '.join(self.numbers) or 'there is none yet'}",
                f'p.configure_tiles("shapes", {{"{name}": 16}})',
            )
        return self.numbers[name]
