"""A file for each kernel of an instruction set: `kernels/<set>/<kernel>.c`."""

from __future__ import annotations

from collections.abc import Iterable

from cllm_gen.lower.kernel.resolve import Resolved, resolve_all
from cllm_gen.lower.kernel.trace import Traced, trace
from cllm_gen.lower.output import Output
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import KernelRequest


def outputs(requests: Iterable[KernelRequest], sets: Iterable[InstructionSet]) -> list[Output]:
    """The files that some sets need for some requests, those of the sets they extend included."""
    return [_output(each) for each in resolve_all(requests, sets).values()]


def _output(resolved: Resolved) -> Output:
    traced = trace(resolved.kernel, resolved.request, resolved.isa)
    return Output(
        resolved.file,
        "kernel.c.j2",
        {
            "headers": ["stddef.h", "stdint.h", *traced.headers],
            "symbol": resolved.symbol,
            "parameters": resolved.parameters,
            "comment": _comment(traced),
            "lines": traced.lines,
        },
        [resolved.isa.span.path, resolved.kernel.span.path],
        {"instruction_set": resolved.isa.name, "kernel": resolved.request.name},
    )


def _comment(traced: Traced) -> list[str]:
    total = sum(traced.instructions.values())
    registers = ", ".join(f"{count} {c_type}" for c_type, count in traced.registers.items())
    part = "tile and row" if traced.request.matrices else "row"
    cost = f"{total:,} instructions a {part}, {traced.per_output:.1f} an output"
    if traced.weight_bytes:
        cost += f"; {traced.weight_bytes:,} bytes of weights in all"
    return [
        traced.kernel.span.cite(traced.kernel.name),
        "",
        traced.kernel.summary,
        *(f"    {line}" for line in traced.kernel.read.text.splitlines()),
        "",
        f"Schedule: {traced.summary}.",
        f"{cost}.",
        f"Named at once: {registers or 'no registers'}.",
    ]
