"""Kernels to C: for each instruction set one file with every requested kernel, its schedule traced
for exactly that shape, and the table of pointers through which the forward pass calls."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Sequence

from cllm_gen.lower.output import Output
from cllm_gen.schedule.program import Program
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import C_TYPES, Kernel, KernelRequest
from cllm_gen.source import SpecError, caller_span
from cllm_gen.schedule.weight_layout import BLOCK, TILE_ROWS, packed_bytes, layout_of

QUANTIZED_HEADER, QUANTIZED_BLOCK = 64, 128
PROBE_TILES, PROBE_ROWS = 2, 32  # a fraction of a millisecond, under an emulator too


def quantized_bytes(columns: int) -> int:
    """Bytes of a quantised row of `columns` values, enough for every instruction set."""
    return QUANTIZED_HEADER + columns // BLOCK * QUANTIZED_BLOCK


@dataclass(frozen=True)
class Traced:
    """One kernel for one instruction set: its C and what it costs.

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
    instructions: dict[str, int]
    registers: dict[str, int]

    @property
    def symbol(self) -> str:
        return f"{self.request.name}__{self.isa.name}"

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


def load_kernels(root: Path) -> dict[tuple[str, str], Kernel]:
    """Every Kernel that `specs/kernels/*.py` defines, by operation and type."""
    found: dict[tuple[str, str], Kernel] = {}
    sys.path.insert(0, str(root))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        for file in sorted((root / "specs" / "kernels").glob("[!_]*.py")):
            module = importlib.import_module(f"specs.kernels.{file.stem}")
            for each in vars(module).values():
                if isinstance(each, Kernel):
                    found[each.operation, each.type] = each
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = written
    return found


def trace(kernel: Kernel, request: KernelRequest, isa: InstructionSet) -> Traced:
    """The kernel's C at the requested shape. Raises SpecError where spec and set do not fit."""
    schedule = kernel.schedule(isa, request)
    program = Program(schedule.isa, dict(kernel.arguments))
    schedule.trace(program, **kernel.dimensions(request))
    return Traced(
        request,
        kernel,
        isa,
        schedule.summary,
        tuple(program.lines),
        dict(sorted(program.counts.items())),
        dict(sorted(program.registers().items())),
    )


def trace_all(
    requests: Sequence[KernelRequest], isa: InstructionSet, kernels: dict[tuple[str, str], Kernel]
) -> list[Traced]:
    """All requested kernels of one set, in the requests' order."""
    return [trace(_kernel(kernels, request), request, isa) for request in requests]


def _kernel(kernels: dict[tuple[str, str], Kernel], request: KernelRequest) -> Kernel:
    known = kernels.get((request.operation, request.type))
    if known is None:
        raise SpecError(
            caller_span(),
            f"kernel {request.name}",
            "one of " + ", ".join(f"{o}_{t}" for o, t in sorted(kernels)),
            'KernelRequest("matmul", "q4_1", (576, 576))',
        )
    return known


def _parameters(kernel: Kernel) -> str:
    return ", ".join(f"{C_TYPES[kind]}{name}" for name, kind in kernel.arguments.items())


def _comment(traced: Traced) -> list[str]:
    total = sum(traced.instructions.values())
    registers = ", ".join(f"{count} {c_type}" for c_type, count in traced.registers.items())
    part = "tile and row" if traced.request.matrices else "row"
    cost = f"{total:,} instructions a {part}, {traced.per_output:.1f} an output"
    if traced.weight_bytes:
        cost += f"; {traced.weight_bytes:,} bytes of weights in all"
    return [
        traced.kernel.span.cite(),
        "",
        traced.kernel.summary,
        *(f"    {line}" for line in traced.kernel.read.text.splitlines()),
        "",
        f"Schedule: {traced.summary}.",
        f"{cost}.",
        f"Named at once: {registers or 'no registers'}.",
    ]


def may_quantize(request: KernelRequest) -> bool:
    """Whether a schedule may leave the result quantised."""
    return request.matrices == 2 or request.operation.startswith("attention")


def probed(requests: Sequence[KernelRequest]) -> KernelRequest | None:
    """The matrix kernel by which sets are compared at start: the smallest whose input is quantised."""
    widths = {request.shape[-1] for request in requests if request.operation == "quantize"}
    return min(
        (
            request
            for request in requests
            if request.operation == "matmul"
            and not layout_of(request.type).is_float
            and request.shape[1] in widths
        ),
        key=lambda request: (prod(request.shape), request),
        default=None,
    )


def outputs(
    model_name: str, requests: Sequence[KernelRequest], instruction_sets: Sequence[InstructionSet]
) -> list[Output]:
    """`models/<m>/kernels.h`, `kernels.c` (which sets this CPU has, and which is fastest) and a file
    for each instruction set."""
    root = next(
        p for p in Path(instruction_sets[0].span.file).resolve().parents if (p / "specs").is_dir()
    )
    kernels = load_kernels(root)
    folder = f"models/{model_name}"
    wanted = sorted(requests)
    entries = [
        {
            "name": request.name,
            "parameters": _parameters(_kernel(kernels, request)),
            "summary": _kernel(kernels, request).summary,
            "may_quantize": may_quantize(request),
        }
        for request in wanted
    ]
    quantizers = {r.shape[-1]: r for r in wanted if r.operation == "quantize"}
    columns = sorted(quantizers)
    probe = probed(wanted)
    specs = sorted({_kernel(kernels, request).span.path for request in wanted})
    sets = [
        {
            "name": isa.name,
            "summary": isa.summary,
            "features": [
                {
                    "name": f.name,
                    "leaf": f.leaf,
                    "subleaf": f.subleaf,
                    "register": f.register,
                    "bit": f.bit,
                    "state": f.state,
                }
                for f in isa.all_features
            ],
        }
        for isa in instruction_sets
    ]
    common = {
        "model": model_name,
        "kernels": entries,
        "sets": sets,
        "needs_state": any(f.state for isa in instruction_sets for f in isa.all_features),
        "rows": [{"columns": each, "bytes": quantized_bytes(each)} for each in columns],
        "probe": probe
        and {
            "matmul": probe.name,
            "quantize": quantizers[probe.shape[1]].name,
            "inputs": probe.shape[1],
            "outputs": probe.shape[0],
            "tiles": min(PROBE_TILES, probe.shape[0] // TILE_ROWS),
            "rows": PROBE_ROWS,
            "scratch": PROBE_ROWS * (4 * sum(probe.shape) + quantized_bytes(probe.shape[1])),
        },
    }
    names = ",".join(isa.name for isa in instruction_sets)
    shapes = ",".join(request.name for request in wanted)
    found = [
        Output(
            f"{folder}/kernels.h", "kernels.h.j2", common, specs, {"sets": names, "kernels": shapes}
        ),
        Output(
            f"{folder}/kernels.c",
            "kernels.c.j2",
            common,
            [isa.span.path for isa in instruction_sets],
            {"sets": names, "probe": probe.name if probe else "none"},
        ),
    ]
    listed = {isa.name for isa in instruction_sets}
    for isa in instruction_sets:
        own, lent = [], []
        for request in wanted:
            lender = _lender(_kernel(kernels, request), request, isa, listed)
            (lent if lender else own).append((request, lender))
        functions = [
            {
                "symbol": each.symbol,
                "name": each.request.name,
                "parameters": _parameters(each.kernel),
                "comment": _comment(each),
                "lines": each.lines,
                "quantizes": each.kernel.schedule(isa, each.request).quantizes,
            }
            for each in trace_all([request for request, _ in own], isa, kernels)
        ]
        borrowed = [
            {
                "symbol": f"{request.name}__{lender}",
                "name": request.name,
                "parameters": _parameters(_kernel(kernels, request)),
                "quantizes": _kernel(kernels, request).schedule(isa, request).quantizes,
            }
            for request, lender in lent
        ]
        found.append(
            Output(
                f"{folder}/kernels__{isa.name}.c",
                "kernels_isa.c.j2",
                {
                    "model": model_name,
                    "isa": isa,
                    "functions": functions,
                    "borrowed": borrowed,
                    "entries": sorted(functions + borrowed, key=lambda each: each["name"]),
                },
                [isa.span.path, *specs],
                {"instruction_set": isa.name, "kernels": shapes},
            )
        )
    return found


def _lender(
    kernel: Kernel, request: KernelRequest, isa: InstructionSet, listed: set[str]
) -> str | None:
    """The listed set that this one extends and whose kernel it takes over; None: it has its own."""
    schedule = kernel.schedule(isa, request)
    lenders = [
        level.name
        for level in isa.chain[1:]
        if level.name in listed and kernel.schedule(level, request) is schedule
    ]
    return lenders[-1] if lenders else None
