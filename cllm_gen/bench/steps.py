"""`cllm-gen bench --steps`: what a step of the forward pass costs by its rows, of as many sequences and of
one, beside the time in which memory gives all weights once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cllm_gen.bench.costs import costs
from cllm_gen.bench.probe import known, probe
from cllm_gen.image.build import Image, build
from cllm_gen.image.variant import variant
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import die_with_parent
from cllm_gen.spec.appliance import Appliance
from cllm_gen.weights.locate import locate

ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)
POSITION = 200
"""Of a sequence's first row."""
BUDGET = 400_000  # microseconds for each kind of step
_SOURCE = Path(__file__).with_name("steps.c")


@dataclass(frozen=True)
class Step:
    """Seconds of a step with so many rows, of so many sequences: in embedding and layers, in the head."""

    rows: int
    sequences: int
    layers: float
    head: float

    @property
    def seconds(self) -> float:
        return self.layers + self.head


def measure(
    binary: Path,
    image: Image,
    kinds: Sequence[tuple[int, int]],
    append: str,
    position: int = POSITION,
    budget: int = BUDGET,
) -> list[Step]:
    """The fastest of many steps of each kind, (rows, sequences)."""
    told = " ".join(map(str, [position, budget, *(n for kind in kinds for n in kind)]))
    command = [str(binary), f"model={image.model}", "memory=3072", *append.split()]
    done = subprocess.run(
        command, input=told, capture_output=True, text=True, preexec_fn=die_with_parent
    )
    if done.returncode:
        raise RunFailed(f"the steps failed:\n{done.stdout[-1000:]}{done.stderr}")
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("step ")]
    return [
        Step(rows, sequences, int(layers) / 1e9, int(head) / 1e9)
        for (rows, sequences), (_, layers, head) in zip(kinds, lines, strict=True)
    ]


def binary_of(root: Path, spec: Appliance, image: Image) -> Path:
    """The image that times steps instead of serving."""
    return variant(root, spec, image, _SOURCE)


def steps(root: Path, spec: Appliance, threads: Sequence[int], append: str, position: int) -> None:
    """Prints a table for each number of threads."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
        binary = binary_of(root, spec, image)
    weights = costs(locate(root, spec.model.weights)).weight_bytes
    abilities = known(root, max(threads)) or probe(root, weights, max(threads))
    kinds = [(rows, sequences) for rows in ROWS for sequences in (rows, 1)]
    for count in threads:
        with console.status(f"steps with {count} threads"):
            found = measure(binary, image, kinds, f"cpus={count} {append}", position)
        bound = weights / abilities.bandwidth[count - 1]
        title = f"{spec.model.title}: steps, {count} threads {append}".rstrip()
        console.print(_table(title, found, bound))


def _table(title: str, found: Sequence[Step], bound: float) -> Table:
    caption = f"Memory gives all weights once in {1000 * bound:.2f} ms. Times one: of one row."
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    for head in ("rows", "of as many sequences", "of one", "head", "ms a row", "times one"):
        table.add_column(head, justify="right")
    for apart, together in zip(found[::2], found[1::2], strict=True):
        table.add_row(
            str(apart.rows),
            f"{1000 * apart.seconds:.2f} ms",
            f"{1000 * together.seconds:.2f} ms",
            f"{1000 * apart.head:.2f} ms",
            f"{1000 * apart.seconds / apart.rows:.2f}",
            f"{apart.seconds / found[0].seconds:.2f}",
        )
    return table
