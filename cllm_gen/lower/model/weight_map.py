"""Where each weight lies in the packed image's "weights" section: in order of first use, so that a
pass reads the section from front to back; every weight on a 64-byte line."""

from __future__ import annotations

from dataclasses import dataclass

from cllm_gen.lower.model.operations import Program
from cllm_gen.lower.model.plan import aligned
from cllm_gen.schedule.weight_layout import packed_bytes, whole_tiles
from cllm_gen.source import SpecError
from cllm_gen.spec.tensor import Stage, Weight


@dataclass(frozen=True)
class Placed:
    """One weight of the section. `stage` is the stage that reads it first."""

    weight: Weight
    offset: int
    size: int
    stage: Stage


def packed_size(weight: Weight) -> int:
    """Bytes of a weight in its packed layout: vectors are f32 as they are, matrices tile16."""
    if len(weight.shape) == 1:
        return 4 * weight.shape[-1]
    return packed_bytes(weight.type, whole_tiles(weight.shape[0]), weight.shape[1])


def place(program: Program) -> tuple[dict[str, Placed], int]:
    """Weights by GGUF name, and the size of the section."""
    placed: dict[str, Placed] = {}
    end = 0
    for operation in program.operations:
        for weight in operation.weights:
            known = placed.get(weight.name)
            if known is None:
                placed[weight.name] = Placed(weight, end, packed_size(weight), operation.stage)
                end += aligned(packed_size(weight))
            elif known.weight != weight:
                raise SpecError(
                    weight.span,
                    f"{weight}, which is {known.weight.shape} elsewhere",
                    "one shape for one tensor",
                    f'weight("{weight.name}", {", ".join(map(str, known.weight.shape))})',
                )
    return placed, end
