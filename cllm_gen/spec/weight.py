"""A tensor of the weight file, and the types that it may have there."""

from __future__ import annotations

from dataclasses import dataclass, field

from cllm_gen.source import Span, SpecError

QUANTISATIONS = {  # GGUF types that have kernels: values a block, bytes a block
    "f32": (1, 4),
    "f16": (1, 2),
    "bf16": (1, 2),
    "q4_0": (32, 18),
    "q4_1": (32, 20),
    "q5_0": (32, 22),
    "q5_1": (32, 24),
    "q8_0": (32, 34),
    "q4_k": (256, 144),
    "q5_k": (256, 176),
    "q6_k": (256, 210),
}


@dataclass(frozen=True)
class Weight:
    """A tensor of the weight file; shape (outputs, inputs) or (width,)."""

    name: str
    type: str
    shape: tuple[int, ...]
    span: Span = field(compare=False)

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 2) or any(
            not isinstance(n, int) or n <= 0 for n in self.shape
        ):
            raise SpecError(
                self.span,
                f"weight {self.name!r} of shape {self.shape}",
                "one or two positive integers",
                'weight("attn_q.weight", 576, 576)',
            )
        values = QUANTISATIONS[self.type][0]
        if self.shape[-1] % values:
            raise SpecError(
                self.span,
                f"weight {self.name!r} of type {self.type} with rows of {self.shape[-1]} values",
                f"a multiple of {values}, the block of {self.type}",
                f"{-(-self.shape[-1] // values) * values}",
            )

    def __str__(self) -> str:
        return f"weight {self.name!r} of shape {self.shape} ({self.type})"
