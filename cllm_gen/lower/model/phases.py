"""Stages into phases: runs of operations that the workers share out in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cllm_gen.lower.model.operations import Buffer, Operation, Program
from cllm_gen.spec.tensor import ALL, ASKED, Stage

_SPLIT = {
    "matmul": "tiles",
    "matmul_add": "tiles",
    "swiglu": "tiles",
    "geglu": "tiles",
    "rope": "blocks",
    "store": "blocks",
    "attention": "groups",
}
"""How the workers share an operation; by rows, if it is not here."""


@dataclass
class Phase:
    """`unless` names a kernel where the phase is skipped if that leaves its result quantised."""

    stage: Stage
    split: str
    batch: str
    unless: str | None
    operations: list[Operation] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Whether it is about the rows that want logits only."""
        return self.batch == ASKED

    @property
    def stores(self) -> bool:
        """Whether it stores keys and values."""
        return any(operation.kind == "store" for operation in self.operations)


def attribute(operation: Operation, name: str, default: Any = None) -> Any:
    """One of an operation's attributes."""
    return dict(operation.attributes).get(name, default)


def stages_of(program: Program) -> list[tuple[Stage, list[Operation]]]:
    """The pass, stage by stage."""
    found: list[tuple[Stage, list[Operation]]] = []
    for operation in program.operations:
        if not found or found[-1][0] is not operation.stage:
            found.append((operation.stage, []))
        found[-1][1].append(operation)
    return found


def phases_of(operations: Sequence[Operation]) -> list[Phase]:
    """Runs of operations of one stage that the workers share in the same way, so that each needs
    only what its own worker made in the run."""
    found: list[Phase] = []
    for operation in operations:
        unless = attribute(operation, "unless")
        split = _SPLIT.get(operation.kind, "rows")
        key = (operation.stage, split, operation.batch, unless)
        last = found[-1] if found else None
        if (
            last is None
            or (last.stage, last.split, last.batch, last.unless) != key
            or _reads_all(operation, last.operations)
        ):
            found.append(Phase(*key))
        found[-1].operations.append(operation)
    return found


def _reads_all(operation: Operation, part: Sequence[Operation]) -> bool:
    """Whether it multiplies rows of floats, of which each worker made some columns."""
    made = {id(each.buffer("y")) for each in part if _SPLIT.get(each.kind) == "tiles"}
    return any(role == "q" and id(buffer) in made for role, buffer in operation.buffers)


def carried_of(program: Program, stage: Stage, phases: Sequence[Phase]) -> list[Buffer]:
    """Buffers whose rows are needed after a layer's keys and values are stored and were made before:
    in this layer, or after the last one."""
    everything = program.operations
    stored = max((number for number, phase in enumerate(phases) if phase.stores), default=None)
    if stored is None:
        return []
    later = [operation for phase in phases[stored + 1 :] for operation in phase.operations]
    begin = everything.index(later[0])
    if stage.layer == program.model.layers - 1:
        later = everything[begin:]
    found = {id(b): b for op in later for _, b in op.buffers if b.first < begin and b.batch == ALL}
    return list(found.values())
