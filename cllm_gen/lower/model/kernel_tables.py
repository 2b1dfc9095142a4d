"""The kernels that a model's forward pass calls: their numbers, and for each instruction set the
table by which they are found."""

from __future__ import annotations

from collections.abc import Sequence

from cllm_gen.lower.kernel import outputs as kernels
from cllm_gen.lower.kernel.resolve import kernels_of, resolve
from cllm_gen.lower.model.forward import kernel_number
from cllm_gen.lower.model.lowered import Lowered
from cllm_gen.lower.output import Output
from cllm_gen.spec.isa import InstructionSet

TYPES = {
    "embed": "embed",
    "matmul": "matmul",
    "matmul_add": "matmul",
    "swiglu": "gated",
    "geglu": "gated",
    "attention": "attention",
    "attention_window": "attention",
    "store": "store",
    "rope": "rope",
    "rope_halves": "rope",
    "rms_norm": "norm",
    "rms_norm_quantize": "norm_quantize",
    "quantize": "quantize",
    "add": "add",
    "scale": "scale",
    "add_bias": "bias",
    "silu_multiply": "gate",
    "gelu_multiply": "gate",
}
"""By operation, the member of `struct kernel` (include/kernels.h), whose type is <member>_kernel."""

KERNEL_TYPES = sorted({f"{member}_kernel" for member in TYPES.values()})


def outputs(low: Lowered, folder: str, symbol: str, sets: Sequence[InstructionSet]) -> list[Output]:
    """`kernel_numbers.h`, a table for each set, and the kernels that are in the tables."""
    model = low.program.model
    names = [request.name for request in low.requests]
    parameters = {"model": model.name, "kv_cache": low.kv_cache}
    found = [
        Output(
            f"{folder}/kernel_numbers.h",
            "kernel_numbers.h.j2",
            {"model": model, "numbers": [kernel_number(name) for name in names]},
            [model.span.path],
            parameters,
        )
    ]
    for isa in sets:
        rows, known = [], kernels_of(isa)
        for request in low.requests:
            resolved = resolve(known, request, isa)
            rows.append(
                {
                    "number": kernel_number(request.name),
                    "member": TYPES[request.operation],
                    "symbol": resolved.symbol,
                    "quantizes": resolved.quantizes,
                }
            )
        found.append(
            Output(
                f"{folder}/kernels__{isa.name}.c",
                "kernel_table.c.j2",
                {
                    "model": model,
                    "isa": isa,
                    "folder": folder,
                    "symbol": f"{symbol}__{isa.name}",
                    "rows": rows,
                },
                [model.span.path, isa.span.path],
                {**parameters, "instruction_set": isa.name},
            )
        )
    return [*found, *kernels.outputs(low.requests, sets)]
