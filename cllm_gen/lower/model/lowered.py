"""A model with all decisions taken: what packing, emission and the tools all read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cllm_gen.lower.model.operations import Buffer, Program
from cllm_gen.lower.model.phases import attribute, phases_of
from cllm_gen.lower.model.plan import Lifetime, aligned, plan
from cllm_gen.lower.model.trace import lower
from cllm_gen.lower.model.weight_map import Placed, place
from cllm_gen.schedule.kv_layout import layer_bytes
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import MEANING
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model

ROWS_MAX = 512  # rows of one step
LOGITS_MAX = 64  # rows of one step that may ask for logits, and
LOGITS_BYTES = 16 << 20  # the memory that these take at most, whatever the vocabulary
IMAGE_FORMAT = 2


@dataclass(frozen=True)
class Lowered:
    """`offsets` has each buffer's place in the activations by id(buffer), `cache_bytes` what each
    layer's keys and values take of a KV block."""

    program: Program
    kv_cache: str
    offsets: Mapping[int, int]
    activation_bytes: int
    weights: Mapping[str, Placed]
    weight_bytes: int
    cache_bytes: Mapping[int, int]

    @property
    def block_bytes(self) -> int:
        """Bytes of a KV block: all layers' parts one after another."""
        return sum(self.cache_bytes.values())

    @property
    def requests(self) -> list[KernelRequest]:
        """The kernels that the pass calls, each once, in order of their names."""
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
    number = [
        index for index, phase in enumerate(phases_of(program.operations)) for _ in phase.operations
    ]  # of each operation's phase; between two phases the workers meet, within one they do not
    offsets, activation_bytes = plan(
        [
            Lifetime(id(b), _bytes(b, model), number[b.first], number[b.last])
            for b in program.buffers
        ]
    )
    weights, weight_bytes = place(program)
    cache_bytes = {
        operation.stage.layer: layer_bytes(
            kv_cache, attribute(operation, "groups"), attribute(operation, "width")
        )
        for operation in program.operations
        if operation.kind == "store"
    }
    return Lowered(program, kv_cache, offsets, activation_bytes, weights, weight_bytes, cache_bytes)


def logits_max(model: Model) -> int:
    """Rows of one step of the model that may ask for logits."""
    return max(1, min(LOGITS_MAX, LOGITS_BYTES // (4 * model.vocabulary)))


def _bytes(buffer: Buffer, model: Model) -> int:
    rows = {"rows": ROWS_MAX, "asked rows": logits_max(model)}[buffer.batch]
    return aligned(buffer.row_bytes * rows)
