"""What a traced forward pass becomes: operations that have kernels, over buffers with lifetimes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cllm_gen.source import Span
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model
from cllm_gen.spec.tensor import Rope, Stage, Weight


@dataclass(eq=False)
class Buffer:
    """Memory of one value: `row_bytes` for each row of `batch`."""

    name: str
    row_bytes: int
    batch: str
    type: str = "float"
    width: int = 0
    """Values of a row."""
    first: int = -1
    last: int = -1
    """Indices of the operations between which it is live, both included."""


@dataclass(frozen=True)
class Operation:
    """One kernel call, or one of the few moves that generated C does itself (kernel None)."""

    kind: str
    kernel: KernelRequest | None
    buffers: tuple[tuple[str, Buffer], ...]
    """Arguments by role, in the kernel's order."""
    weights: tuple[Weight, ...]
    batch: str
    stage: Stage
    span: Span
    attributes: tuple[tuple[str, Any], ...] = ()

    def buffer(self, role: str) -> Buffer:
        return dict(self.buffers)[role]


@dataclass
class Program:
    """A traced pass, in order of execution."""

    model: Model
    operations: list[Operation] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    rotations: dict[Rope, tuple[Buffer, Buffer]] = field(default_factory=dict)
    """Cosines and sines of each rotation, filled when a step begins and kept to its end."""
    hidden: Buffer | None = None
    logits: Buffer | None = None
