"""The tables of a forward pass, as the template writes them: buffers, weights, stages, rotations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from cllm_gen.lower.model.lowered import Lowered
from cllm_gen.lower.model.operations import Buffer, Operation
from cllm_gen.lower.model.phases import attribute, carried_of, phases_of, stages_of
from cllm_gen.lower.model.plan import aligned
from cllm_gen.schedule.kv_layout import ATTENTION_ROWS, ATTENTION_STRETCH, STEP_SLOTS
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import TILE_ROWS, layout_of, whole_tiles
from cllm_gen.source import SpecError
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.tensor import Stage

KINDS = {
    "embed": "EMBED",
    "copy": "COPY",
    "asked": "ASKED",
    "rms_norm": "NORM",
    "rms_norm_quantize": "NORM_QUANTIZE",
    "quantize": "QUANTIZE",
    "scale": "SCALE",
    "add": "ADD",
    "add_bias": "BIAS",
    "silu_multiply": "GATE",
    "gelu_multiply": "GATE",
    "matmul": "MATMUL",
    "matmul_add": "MATMUL",
    "swiglu": "GATED",
    "geglu": "GATED",
    "rope": "ROPE",
    "store": "STORE",
    "attention": "ATTENTION",
}
"""What include/forward_pass.h calls each kind of operation."""

PROBE_TILES, PROBE_ROWS = 2, 32  # a fraction of a millisecond, under an emulator too

_ROLES = {"gate": "x"}
"""Roles of buffers that have another name in `struct operation`."""


def kernel_number(name: str) -> str:
    """The C name of a kernel's number."""
    return f"KERNEL_{name.upper()}"


def forward_context(low: Lowered) -> dict[str, Any]:
    """All that the template needs beside the model's sizes."""
    program = low.program
    buffers = _Buffers(low)
    for tables in program.rotations.values():
        buffers.names(tables)
    stages: list[dict[str, Any]] = []
    order: list[dict[str, Any]] = []
    by_content: dict[str, dict[str, Any]] = {}
    for stage, operations in stages_of(program):
        content = _stage(low, stage, operations, buffers)
        known = by_content.get(repr(content))
        if known is None:
            name = stage.name
            if name in {each["name"] for each in stages}:
                name = f"{name}_like_{stage.layer}"
            known = by_content[repr(content)] = {"name": name, "layers": [], **content}
            stages.append(known)
        known["layers"].append(stage.layer)
        if order and order[-1]["stage"] == known["name"]:
            order[-1]["count"] += 1
        else:
            order.append({"stage": known["name"], "count": 1})
    for stage_table in stages:
        stage_table["comment"] = _layers(stage_table["layers"])
        if program.model.layers - 1 not in stage_table["layers"]:
            for phase in stage_table["phases"]:
                phase["carried"] = []
    return {
        "buffers": buffers.table,
        "elsewhere": _elsewhere(low),
        "stages": stages,
        "order": order,
        "rotations": [
            {
                "name": cosines.name.removeprefix("cosines_"),
                "cite": rotation.span.cite(),
                "frequencies": [repr(value) for value in rotation.frequencies()],
                "cosines": buffers.name(cosines),
                "sines": buffers.name(sines),
            }
            for rotation, (cosines, sines) in program.rotations.items()
        ],
        "hidden": buffers.name(_known(program.hidden)),
        "logits": buffers.name(_known(program.logits)),
        "attention_rows": ATTENTION_ROWS,
        "attention_groups": max(attribute(each, "groups", 0) for each in program.operations),
        "attention_stretch": ATTENTION_STRETCH,
        "step_slots": STEP_SLOTS,
        "probe": _probe(low),
    }


def _known(buffer: Buffer | None) -> Buffer:
    assert buffer is not None, "lowering names the results of a pass"
    return buffer


class _Buffers:
    """C names of buffers: those of one name at one place with one width are one."""

    def __init__(self, low: Lowered):
        self.low = low
        self.table: list[dict[str, Any]] = []
        self._known: dict[tuple[str, int, int], str] = {}

    def name(self, buffer: Buffer) -> str:
        key = (buffer.name, self.low.offsets[id(buffer)], buffer.row_bytes)
        if key not in self._known:
            name = buffer.name.upper()
            if name in self._known.values():
                name = f"{name}_AT_{key[1]}"
            self._known[key] = name
            self.table.append({"name": name, "offset": key[1], "row_bytes": key[2]})
        return self._known[key]

    def names(self, buffers) -> list[str]:
        return [self.name(buffer) for buffer in buffers]


def _stage(
    low: Lowered, stage: Stage, operations: list[Operation], buffers: _Buffers
) -> dict[str, Any]:
    """One stage's tables; equal for stages that may share them."""
    own = {name: item for name, item in low.weights.items() if item.stage is stage}
    base = min((item.offset for item in own.values()), default=0)
    phases = phases_of(operations)
    carried = carried_of(low.program, stage, phases)
    tables: list[dict[str, Any]] = []
    cite = None
    for before, phase in zip([None, *phases], phases):
        calls = []
        for operation in phase.operations:
            call = _operation(operation, buffers, own)
            said = operation.span.cite()
            calls.append({**call, "cite": "" if said == cite else said})
            cite = said
        tables.append(
            {
                "split": phase.split.upper(),
                "asked": phase.asked,
                "unless": kernel_number(phase.unless) if phase.unless else "",
                "carried": buffers.names(carried) if before is not None and before.stores else [],
                "operations": calls,
            }
        )
    return {
        "phases": tables,
        "weights": [
            {"name": _weight_name(name), "offset": item.offset - base} for name, item in own.items()
        ],
        "weight_bytes": sum(aligned(item.size) for item in own.values()),
        "cache_bytes": low.cache_bytes.get(stage.layer, 0),
    }


def _weight_name(name: str) -> str:
    """A C name for a weight within its stage: "blk.3.attn_q.weight" gives ATTN_Q, a bias
    ATTN_Q_BIAS."""
    short = re.sub(r"^blk\.\d+\.", "", name).removesuffix(".weight")
    return re.sub(r"\W", "_", short).upper()


def _section_name(name: str) -> str:
    """And among the weights of all stages."""
    return "SECTION_" + re.sub(r"\W", "_", name.removesuffix(".weight")).upper()


def _operation(
    operation: Operation, buffers: _Buffers, own: Mapping[str, object]
) -> dict[str, Any]:
    """One row of a phase's table. Weights come as names, and whether they are another stage's."""
    fields = {_ROLES.get(role, role): buffers.name(each) for role, each in operation.buffers}
    local = [weight.name in own for weight in operation.weights]
    assert len(set(local)) < 2, "an operation whose weights lie in two stages"
    sizes: dict[str, object] = {}
    if operation.kernel is not None and operation.kernel.matrices:
        sizes["tiles"] = whole_tiles(operation.weights[0].shape[0]) // TILE_ROWS
    if operation.kind == "attention":
        for name in ("groups", "heads", "width", "window"):
            if attribute(operation, name) is not None:
                sizes[name] = attribute(operation, name)
        if "quantized" in fields:
            columns = attribute(operation, "heads") * attribute(operation, "width")
            sizes["quantizer"] = kernel_number(KernelRequest("quantize", "f32", (columns,)).name)
    if operation.kind == "rms_norm":
        sizes["parts"] = attribute(operation, "each")
    for name in ("epsilon", "factor"):
        if attribute(operation, name) is not None:
            sizes["number"] = f"{attribute(operation, name)!r}f"
    return {
        "kind": f"OPERATION_{KINDS[operation.kind]}",
        "kernel": kernel_number(operation.kernel.name) if operation.kernel else "0",
        "buffers": fields,
        "weights": [
            _weight_name(weight.name) if weight.name in own else _section_name(weight.name)
            for weight in operation.weights
        ],
        "elsewhere": False in local,
        "sizes": sizes,
    }


def _elsewhere(low: Lowered) -> list[dict[str, Any]]:
    """Weights that a stage reads which are another's, by their places in the section."""
    found: dict[str, int] = {}
    for operation in low.program.operations:
        for weight in operation.weights:
            placed = low.weights[weight.name]
            if placed.stage is not operation.stage:
                found[_section_name(weight.name)] = placed.offset
    return [{"name": name, "offset": offset} for name, offset in found.items()]


def _layers(layers: list[int]) -> str:
    """Which layers share a stage's tables, as runs: "Layers 0 to 4, 6 to 10." Empty outside layers."""
    runs: list[list[int]] = []
    for layer in layers:
        if runs and runs[-1][-1] == layer - 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    if layers == [-1]:
        return ""
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return f"Layer{'s' if len(layers) > 1 else ''} {', '.join(texts)}."


def _probed(requests: Sequence[KernelRequest]) -> KernelRequest | None:
    """The matrix kernel by which sets are compared: the smallest whose input is quantised."""
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


def _probe(low: Lowered) -> dict[str, Any] | None:
    """By which kernel and weights sets are compared at start. SpecError if the activations, on which
    that is done, are too small for it."""
    matmul = _probed(low.requests)
    if matmul is None:
        return None
    outputs, inputs = matmul.shape
    quantize = next(r for r in low.requests if r.operation == "quantize" and r.shape[-1] == inputs)
    row_bytes = quantized_bytes(inputs)
    scratch = PROBE_ROWS * (4 * (inputs + outputs) + row_bytes)
    if scratch > low.activation_bytes:
        raise SpecError(
            low.program.model.span,
            f"activations of {low.activation_bytes} bytes",
            f"at least {scratch}, to time kernels on",
            "a wider model",
        )
    weight = next(op.weights[0] for op in low.program.operations if op.kernel == matmul)
    return {
        "matmul": kernel_number(matmul.name),
        "quantize": kernel_number(quantize.name),
        "inputs": inputs,
        "outputs": outputs,
        "row_bytes": row_bytes,
        "tiles": min(PROBE_TILES, outputs // TILE_ROWS),
        "rows": PROBE_ROWS,
        "weights": low.weights[weight.name].offset,
    }
