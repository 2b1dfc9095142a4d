"""A kernel's schedule traced for exactly the requested shape: its C, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from cllm_gen.schedule.program import Program
from cllm_gen.schedule.terms import Named
from cllm_gen.schedule.weight_layout import TILE_ROWS, packed_bytes
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import Kernel, KernelRequest


@dataclass(frozen=True)
class Traced:
    """One kernel for one instruction set: its C and what it costs.

    headers       what its intrinsics need
    named         numbers that the C has by name: free dimensions and what comes of them
    instructions  how often each instruction of the set runs for one batch row, loops counted out
                  (matrices: for one tile of 16 outputs; attention: for one position of each of its
                  loops over the cache)
    registers     the most named values of each register type alive at once
    """

    request: KernelRequest
    kernel: Kernel
    isa: InstructionSet
    summary: str
    lines: tuple[str, ...]
    headers: tuple[str, ...]
    named: dict[str, int]
    instructions: dict[str, int]
    registers: dict[str, int]

    @property
    def outputs(self) -> int:
        """Values of a batch row that the counted instructions write."""
        request = self.request
        if request.matrices:
            return TILE_ROWS
        if request.operation in ("embed", "store"):
            return request.shape[-1] * (request.shape[0] if request.operation == "store" else 1)
        if request.operation.startswith("attention"):
            return request.shape[0] * request.shape[2]
        return prod(request.shape)

    @property
    def per_output(self) -> float:
        """Instructions for one output."""
        return sum(self.instructions.values()) / self.outputs

    @property
    def weight_bytes(self) -> int:
        """Bytes of packed weights that a call for all outputs reads (embed: one row's tile)."""
        request = self.request
        if request.matrices:
            return request.matrices * packed_bytes(request.type, *request.shape)
        return (
            packed_bytes(request.type, 16, request.shape[1])
            if request.operation == "embed"
            else (4 * request.shape[-1] if request.operation.startswith("rms_norm") else 0)
        )


def trace(kernel: Kernel, request: KernelRequest, isa: InstructionSet) -> Traced:
    """The kernel's C at the requested shape. Raises SpecError where spec and set do not fit."""
    schedule = kernel.schedule(isa, request)
    program = Program(schedule.isa, dict(kernel.arguments))
    dimensions = kernel.dimensions(request)
    free = {name: dimensions[name] for name in kernel.shape if name in schedule.free}
    dimensions |= {name: Named(size, name) for name, size in free.items()}
    schedule.trace(program, **dimensions)
    return Traced(
        request,
        kernel,
        isa,
        schedule.summary,
        tuple(program.lines),
        tuple(sorted(program.headers)),
        {**free, **program.named},
        dict(sorted(program.counts.items())),
        dict(sorted(program.registers().items())),
    )
