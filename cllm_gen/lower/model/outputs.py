"""A model to C: the traced pass becomes straight calls of kernels, one function for each kind of
stage (layers that do the same share one), over planned activations and placed weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from cllm_gen.lower.output import Output
from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.lower.kernel import outputs as kernels
from cllm_gen.lower.kernel import tables
from cllm_gen.schedule.kv_layout import ATTENTION_ROWS, layer_bytes
from cllm_gen.lower.model.plan import Lifetime, aligned, plan
from cllm_gen.lower.model.trace import Buffer, Operation, Program, lower
from cllm_gen.lower.model.weight_map import Placed, place
from cllm_gen.spec.isa import InstructionSet
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model
from cllm_gen.spec.tensor import ALL, Stage
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import MEANING, TILE_ROWS, whole_tiles

ROWS_MAX = 512  # rows of one step
LOGITS_MAX = 8  # rows of one step that may ask for logits
KV_BLOCK_TOKENS = 32
IMAGE_FORMAT = 2


@dataclass(frozen=True)
class Lowered:
    """A model with all decisions taken; what packing and emission both read."""

    program: Program
    offsets: Mapping[int, int]
    """Activation offset by id(buffer)."""
    activation_bytes: int
    weights: Mapping[str, Placed]
    weight_bytes: int
    cache_offsets: Mapping[int, int]
    """Offset of a layer's K and V in a KV block."""
    block_bytes: int

    @property
    def requests(self) -> list[KernelRequest]:
        """The kernels that the pass calls, sorted."""
        return sorted({op.kernel for op in self.program.operations if op.kernel is not None})

    @property
    def layout(self) -> str:
        """The weights section in words; its digest ties a packed image to the generated code."""
        lines = [
            f"format {IMAGE_FORMAT}",
            f"tiles {hashlib.sha256(MEANING.encode()).hexdigest()}",
            f"model {self.program.model.name}",
        ]
        for item in self.weights.values():
            shape = "x".join(map(str, item.weight.shape))
            lines.append(f"{item.offset} {item.size} {item.weight.name} {item.weight.type} {shape}")
        return "\n".join(lines) + "\n"

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(self.layout.encode()).digest()


def lowered(model: Model, kv_cache: str = "f16") -> Lowered:
    """Traces, fuses, plans memory and places weights. Raises SpecError."""
    program = lower(model, quantized_bytes, kv_cache)
    phase = [
        number for number, (_, part) in enumerate(_phases(program.operations)) for _ in part
    ]  # of each operation; between two phases the workers meet, within one they do not
    offsets, activation_bytes = plan(
        [Lifetime(id(b), _bytes(b), phase[b.first], phase[b.last]) for b in program.buffers]
    )
    weights, weight_bytes = place(program)
    cache_offsets, block_bytes = {}, 0
    for operation in program.operations:
        if operation.kind == "store":
            cache_offsets[operation.stage.layer] = block_bytes
            block_bytes += layer_bytes(
                kv_cache, _attribute(operation, "groups"), _attribute(operation, "width")
            )
    return Lowered(
        program, offsets, activation_bytes, weights, weight_bytes, cache_offsets, block_bytes
    )


def outputs(
    model: Model, targets: Mapping[str, Sequence[InstructionSet]], kv_cache: str = "f16"
) -> list[Output]:
    """All files below `generated/models/<model>/`, and those of the kernels that it calls."""
    low = lowered(model, kv_cache)
    requests = low.requests
    sets = list({isa.name: isa for listed in targets.values() for isa in listed}.values())
    folder = f"models/{model.name}"
    specs = sorted({op.span.path for op in low.program.operations} | {model.span.path})
    return [
        Output(
            f"{folder}/model.h",
            "model.h.j2",
            _header(low),
            [model.span.path],
            {"model": model.name},
        ),
        Output(
            f"{folder}/forward.c",
            "forward.c.j2",
            _forward(low, sets),
            specs,
            {
                "model": model.name,
                "instruction_sets": ",".join(isa.name for isa in sets),
            },
        ),
        *kernels.outputs(requests, sets),
        *tables.outputs(model.name, requests, sets),
        *tokenizer.outputs(model),
        *chat_template.outputs(model),
    ]


def _attribute(operation: Operation, name: str) -> Any:
    return dict(operation.attributes)[name]


def _bytes(buffer: Buffer) -> int:
    rows = {"rows": ROWS_MAX, "asked rows": LOGITS_MAX}[buffer.batch]
    return aligned(buffer.row_bytes * rows)


def _header(low: Lowered) -> dict[str, Any]:
    model = low.program.model
    return {
        "model": model,
        "cite": model.span.cite(),
        "add_beginning": int(model.tokenizer.add_beginning),
        "beginning": -1 if model.tokenizer.beginning is None else model.tokenizer.beginning,
        "end": model.tokenizer.end,
        "rows_max": ROWS_MAX,
        "logits_max": LOGITS_MAX,
        "block_tokens": KV_BLOCK_TOKENS,
        "block_bytes": low.block_bytes,
        "weight_bytes": low.weight_bytes,
        "activation_bytes": low.activation_bytes,
        "fingerprint": ", ".join(f"0x{byte:02x}" for byte in low.fingerprint),
    }


def _forward(low: Lowered, sets: Sequence[InstructionSet]) -> dict[str, Any]:
    """Functions, the table of stages that call them, and what a step's beginning fills."""
    model, program = low.program.model, low.program
    functions: list[dict[str, Any]] = []
    stages: list[dict[str, Any]] = []
    by_body: dict[str, dict[str, Any]] = {}
    for stage, operations in _stages(program):
        base = min((p.offset for p in low.weights.values() if p.stage is stage), default=0)
        body = _function(low, stage, base, operations)
        function = by_body.get(repr(body))
        if function is None:
            taken = {f["name"] for f in functions}
            name = f"run_{stage.name}"
            name = f"{name}_like_{stage.layer}" if name in taken else name
            function = by_body[repr(body)] = {"name": name, "layers": [], **body}
            functions.append(function)
        function["layers"].append(stage.layer)
        stages.append(
            {
                "function": function["name"],
                "weights": base,
                "cache": low.cache_offsets.get(stage.layer, 0),
                "last": str(stage.layer == model.layers - 1).lower(),
            }
        )
    for function in functions:
        function["comment"] = _layers(function["layers"])
        if model.layers - 1 not in function["layers"]:
            for phase in function["phases"]:
                phase["kept"] = []
    return {
        "model": model,
        "cite": model.span.cite(),
        "sets": [isa.name for isa in sets],
        "rotations": [
            {
                "name": cosines.name.removeprefix("cosines_"),
                "cite": rotation.span.cite(),
                "pairs": rotation.width // 2,
                "frequencies": [repr(value) for value in rotation.frequencies()],
                "cosines": low.offsets[id(cosines)],
                "sines": low.offsets[id(sines)],
            }
            for rotation, (cosines, sines) in program.rotations.items()
        ],
        "functions": functions,
        "stages": stages,
        "attention_rows": ATTENTION_ROWS,
        "probe": _probe_offset(low),
        "hidden": low.offsets[id(program.hidden)],
        "logits": low.offsets[id(program.logits)],
        "logits_width": program.logits.width,
    }


def _probe_offset(low: Lowered) -> int:
    """Where the first matrix lies that the probed kernel multiplies by."""
    operations = low.program.operations
    probe = tables.probed([op.kernel for op in operations if op.kernel is not None])
    return next(
        (low.weights[op.weights[0].name].offset for op in operations if op.kernel == probe), 0
    )


def _layers(layers: list[int]) -> str:
    """Which layers share a function, as runs: "Layers 0 to 4, 6 to 10." Empty outside layers."""
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


def _stages(program: Program) -> list[tuple[Stage, list[Operation]]]:
    found: list[tuple[Stage, list[Operation]]] = []
    for operation in program.operations:
        if not found or found[-1][0] is not operation.stage:
            found.append((operation.stage, []))
        found[-1][1].append(operation)
    return found


def _function(low: Lowered, stage: Stage, base: int, operations: list[Operation]) -> dict[str, Any]:
    """One stage's declarations and calls; equal for stages that may share a function."""
    parts = _phases(operations)
    carried = _carried(low, stage, parts)
    names: dict[int, str] = {}
    declared: list[dict[str, Any]] = []
    used = [buffer for operation in operations for _, buffer in operation.buffers]
    for buffer in used + carried:
        if id(buffer) not in names:
            offset = low.offsets[id(buffer)]
            name = buffer.name
            if name in names.values():
                name = f"{name}_at_{offset}"
            names[id(buffer)] = name
            declared.append({"type": buffer.type, "name": name, "offset": offset})
    phases: list[dict[str, Any]] = []
    cite = None
    for number, ((_, split, batch, unless), part) in enumerate(parts):
        phases.append(
            {
                "split": split,
                "asked": batch == "asked rows",
                "unless": unless,
                "calls": [],
                "kept": [
                    {
                        "name": names[id(buffer)],
                        "stride": _stride(buffer),
                        "bytes": buffer.row_bytes,
                    }
                    for buffer in (carried if number and _stores(parts[number - 1][1]) else [])
                ],
            }
        )
        for operation in part:
            call = _call(low, stage, base, operation, names)
            call["cite"] = "" if call["cite"] == cite else call["cite"]
            phases[-1]["calls"].append(call)
            cite = operation.span.cite()
    for turn, phase in enumerate(phases):
        phase["turn"], phase["pairs"] = turn, 0
        for call in phase["calls"]:
            call["begin"] = phase["pairs"]
            phase["pairs"] += (call["tiles"] + 1) // 2
    return {"declared": declared, "phases": phases}


def _stores(part: Sequence[Operation]) -> bool:
    """Whether a phase stores keys and values."""
    return any(operation.kind == "store" for operation in part)


def _carried(low: Lowered, stage: Stage, parts: Sequence[tuple[tuple, list[Operation]]]):
    """Buffers whose rows are needed after a layer's keys and values are stored and were made before:
    in this layer, or after the last one."""
    everything = low.program.operations
    stored = max((number for number, (_, part) in enumerate(parts) if _stores(part)), default=None)
    if stored is None:
        return []
    later = [operation for _, part in parts[stored + 1 :] for operation in part]
    begin = everything.index(later[0])
    if stage.layer == low.program.model.layers - 1:
        later = everything[begin:]
    found = {id(b): b for op in later for _, b in op.buffers if b.first < begin and b.batch == ALL}
    return list(found.values())


def _stride(buffer: Buffer) -> int:
    """Elements from a row to the next."""
    return buffer.width or buffer.row_bytes // (4 if buffer.type == "float" else 1)


def _phases(operations: Sequence[Operation]) -> list[tuple[tuple, list[Operation]]]:
    """Runs of operations of one stage that the workers share in the same way, so that each needs
    only what its own worker made in the run."""
    found: list[tuple[tuple, list[Operation]]] = []
    for operation in operations:
        unless = dict(operation.attributes).get("unless")
        key = (operation.stage, _SPLIT.get(operation.kind, "rows"), operation.batch, unless)
        if not found or found[-1][0] != key or _reads_all(operation, found[-1][1]):
            found.append((key, []))
        found[-1][1].append(operation)
    return found


def _reads_all(operation: Operation, part: Sequence[Operation]) -> bool:
    """Whether it multiplies rows of floats, of which each worker made some columns."""
    made = {id(each.buffer("y")) for each in part if _SPLIT.get(each.kind) == "columns"}
    return any(role == "q" and id(buffer) in made for role, buffer in operation.buffers)


_SPLIT = {
    "matmul": "columns",
    "matmul_add": "columns",
    "swiglu": "columns",
    "geglu": "columns",
    "rope": "cache",
    "store": "cache",
    "attention": "attention",
}
"""How the workers share an operation; by rows, if it is not here."""


def _call(
    low: Lowered, stage: Stage, base: int, operation: Operation, names: Mapping[int, str]
) -> dict[str, Any]:
    """One operation as the template writes it: `buffers` and `strides` (elements a row) by role."""
    weights = []
    for weight in operation.weights:
        item = low.weights[weight.name]
        local = item.stage is stage
        offset = item.offset - base if local else item.offset
        text = f"{'stage_weights' if local else 'weights'} + {offset}"
        weights.append(f"(const float *)({text})" if weight.type == "f32" else text)
    return {
        "kind": operation.kind,
        "kernel": operation.kernel.name if operation.kernel else "",
        "cite": operation.span.cite(),
        "buffers": {role: names[id(buffer)] for role, buffer in operation.buffers},
        "strides": {role: _stride(buffer) for role, buffer in operation.buffers},
        "tiles": (
            whole_tiles(operation.weights[0].shape[0]) // TILE_ROWS if operation.weights else 0
        ),
        "weights": weights,
        **dict(operation.attributes),
    }
