"""A model's tables of kernels: the pointers through which its forward pass calls, and a table of them
for each instruction set."""

from __future__ import annotations

from math import prod
from typing import Sequence

from cllm_gen.lower.output import Output
from cllm_gen.lower.kernel.resolve import c_parameters, kernel_of, kernels_of, resolve
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import KernelRequest

PROBE_TILES, PROBE_ROWS = 2, 32  # a fraction of a millisecond, under an emulator too


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
    """`models/<m>/kernels.h`, `kernels.c` (which sets this CPU has, and which is fastest) and a table
    for each instruction set."""
    kernels = kernels_of(instruction_sets[0])
    folder = f"models/{model_name}"
    wanted = sorted(requests)
    entries = [
        {
            "name": request.name,
            "parameters": c_parameters(kernel_of(kernels, request)),
            "summary": kernel_of(kernels, request).summary,
            "may_quantize": may_quantize(request),
        }
        for request in wanted
    ]
    quantizers = {r.shape[-1]: r for r in wanted if r.operation == "quantize"}
    columns = sorted(quantizers)
    probe = probed(wanted)
    specs = sorted({kernel_of(kernels, request).span.path for request in wanted})
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
    found = [
        Output(f"{folder}/kernels.h", "kernels.h.j2", common, specs, {"sets": names}),
        Output(
            f"{folder}/kernels.c",
            "kernels.c.j2",
            common,
            [isa.span.path for isa in instruction_sets],
            {"sets": names, "probe": probe.name if probe else "none"},
        ),
    ]
    for isa in instruction_sets:
        found.append(
            Output(
                f"{folder}/kernels__{isa.name}.c",
                "kernels_isa.c.j2",
                {
                    "model": model_name,
                    "isa": isa,
                    "functions": [resolve(kernels, request, isa) for request in wanted],
                },
                [isa.span.path],
                {"instruction_set": isa.name},
            )
        )
    return found
