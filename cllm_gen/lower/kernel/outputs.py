"""A file for each kernel of an instruction set, `kernels/<set>/<kernel>.c`. What kernels share that
differ in free dimensions alone stands once, in a header beside them, `kernels/<set>/<body>.h`: a kernel
names itself and these dimensions and includes it, so that the compiler sees the same text as of a
kernel written with numbers."""

from __future__ import annotations

from collections.abc import Iterable

from cllm_gen.lower.kernel.resolve import Resolved, resolve_all
from cllm_gen.lower.kernel.trace import Traced, trace
from cllm_gen.lower.output import Output
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import KernelRequest


def outputs(requests: Iterable[KernelRequest], sets: Iterable[InstructionSet]) -> list[Output]:
    """The files that some sets need for some requests, those of the sets they extend included."""
    return [
        output for each in resolve_all(requests, sets).values() for output in file_outputs(each)
    ]


def file_outputs(resolved: Resolved) -> list[Output]:
    """Its file, after that of the body that it shares."""
    traced = trace(resolved.kernel, resolved.request, resolved.isa)
    specs = [resolved.isa.span.path, resolved.kernel.span.path]
    name = {"instruction_set": resolved.isa.name, "kernel": resolved.request.name}
    code = {
        "cite": resolved.kernel.span.cite(resolved.kernel.name),
        "symbol": "KERNEL" if traced.named else resolved.symbol,
        "parameters": resolved.parameters,
        "headers": ["stddef.h", "stdint.h", *traced.headers],
        "lines": traced.lines,
        "comment": _algorithm(traced),
        "cost": _cost(traced),
        "named": traced.named,
    }
    if not traced.named:
        return [Output(resolved.file, "kernel.c.j2", code, specs, name)]
    file = f"kernels/{resolved.isa.name}/{resolved.body}.h"
    body = {"instruction_set": resolved.isa.name, "kernels": resolved.body}
    sized = {**code, "symbol": resolved.symbol, "body": file}
    return [
        Output(file, "kernel_body.h.j2", code, specs, body),
        Output(resolved.file, "kernel_sized.c.j2", sized, specs, name),
    ]


def _algorithm(traced: Traced) -> list[str]:
    registers = ", ".join(f"{count} {c_type}" for c_type, count in traced.registers.items())
    return [
        traced.kernel.summary,
        *(f"    {line}" for line in traced.kernel.read.text.splitlines()),
        "",
        f"Schedule: {traced.summary}.",
        f"Named at once: {registers or 'no registers'}.",
    ]


def _cost(traced: Traced) -> str:
    total = sum(traced.instructions.values())
    part = "tile and row" if traced.request.matrices else "row"
    cost = f"{total:,} instructions a {part}, {traced.per_output:.1f} an output"
    if traced.weight_bytes:
        cost += f"; {traced.weight_bytes:,} bytes of weights in all"
    return f"{cost}."
