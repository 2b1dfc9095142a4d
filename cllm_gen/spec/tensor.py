"""Symbolic tensors: what a forward pass computes with while the generator traces it.

A tensor holds one vector (or heads x width) for each row of a step. Every operation checks its
shapes at once, so a mistake is reported at the spec line that makes it. Operations are recorded on
a tape in program order, each in the stage (embedding, a layer, head) in which it ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.weight import Weight

ALL, ASKED = "rows", "asked rows"  # every row of the step, or those that asked for logits


@dataclass(frozen=True)
class Rope:
    """Rotary position embedding: pair i of a head turns by position * base ** (-2i / width). Pairs
    are neighbours (2i, 2i+1), or with `halves` (i, i + width/2)."""

    width: int
    base: float
    halves: bool = False
    divisors: tuple[float, ...] = ()
    """What divides the angles, for contexts longer than were trained first: one for each pair, or
    one for all (position interpolation, arXiv:2306.15595)."""
    span: Span = field(default_factory=caller_span, compare=False)

    def __post_init__(self) -> None:
        if self.width <= 0 or self.width % 2 or not self.base > 1:
            raise SpecError(
                self.span,
                f"Rope(width={self.width}, base={self.base})",
                "an even positive width and a base above 1",
                "Rope(width=64, base=10000.0)",
            )
        if len(self.divisors) not in (0, 1, self.width // 2) or any(d <= 0 for d in self.divisors):
            raise SpecError(
                self.span,
                f"Rope(width={self.width}) with {len(self.divisors)} divisors",
                f"one positive divisor, or {self.width // 2}",
                f"Rope(width={self.width}, base={self.base}, divisors=(8.0,))",
            )

    def frequencies(self) -> list[float]:
        """Radians a position, one a pair."""
        pairs = self.width // 2
        divisors = (
            self.divisors if len(self.divisors) == pairs else (self.divisors or (1.0,)) * pairs
        )
        return [self.base ** (-2 * i / self.width) / divisors[i] for i in range(pairs)]


@dataclass(frozen=True, eq=False)
class Node:
    """One recorded operation."""

    operation: str
    inputs: tuple[Tensor, ...]
    weights: tuple[Weight, ...]
    attributes: tuple[tuple[str, Any], ...]
    shape: tuple[int, ...]
    batch: str
    stage: Stage
    span: Span

    def __getitem__(self, name: str) -> Any:
        return dict(self.attributes)[name]


@dataclass(frozen=True, eq=False)
class Stage:
    """A part of the pass between which the caller may do other work. `layer` is -1 outside layers."""

    name: str
    layer: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """One vector a row, or `shape` = (heads, width) a row."""

    tape: Tape
    batch: str
    shape: tuple[int, ...]
    node: Node

    def __add__(self, other: Tensor) -> Tensor:
        return _elementwise("add", self, other)

    def __mul__(self, other: Tensor | float) -> Tensor:
        if isinstance(other, (int, float)) and not isinstance(other, bool):
            return self.tape.record("scale", (self,), shape=self.shape, factor=float(other))
        return _elementwise("multiply", self, other)

    def heads(self, count: int) -> Tensor:
        """The same values seen as `count` heads."""
        width = self.size
        if count <= 0 or width % count:
            raise SpecError(
                caller_span(),
                f"{self} cut into {count} heads",
                f"a head count that divides {width}",
                f"x.heads({next(n for n in range(8, 0, -1) if width % n == 0)})",
            )
        return self.tape.record("view", (self,), shape=(count, width // count))

    def flat(self) -> Tensor:
        """The same values seen as one vector."""
        return self.tape.record("view", (self,), shape=(self.size,))

    @property
    def size(self) -> int:
        product = 1
        for n in self.shape:
            product *= n
        return product

    def __str__(self) -> str:
        return f"a tensor of shape ({self.batch}, {', '.join(map(str, self.shape))})"


@dataclass
class Tape:
    """What the trace has recorded so far."""

    nodes: list[Node] = field(default_factory=list)
    stage: Stage = field(default_factory=lambda: Stage("embedding", -1))

    def record(
        self,
        operation: str,
        inputs: tuple[Tensor, ...],
        *,
        shape: tuple[int, ...],
        weights: tuple[Weight, ...] = (),
        batch: str | None = None,
        **attributes: Any,
    ) -> Tensor:
        batch = batch or (inputs[0].batch if inputs else ALL)
        named = tuple(sorted(attributes.items()))
        self.nodes.append(
            Node(operation, inputs, weights, named, shape, batch, self.stage, caller_span())
        )
        return Tensor(self, batch, shape, self.nodes[-1])


@dataclass(frozen=True)
class Rows:
    """The symbolic rows of a step: each has a token and a position in its sequence."""

    tape: Tape

    def embed(self, table: Weight) -> Tensor:
        """The table's row for each token."""
        _matrix(table)
        return self.tape.record("embed", (), weights=(table,), shape=(table.shape[1],))

    def layers(self, count: int) -> Iterator[int]:
        """Counts 0 to `count` - 1; each turn of the loop is one stage of the pass."""
        for layer in range(count):
            self.tape.stage = Stage("layer", layer)
            yield layer
        self.tape.stage = Stage("head", -1)

    def asked(self, x: Tensor) -> Tensor:
        """Only the rows that asked for logits."""
        _same_tape(x)
        return self.tape.record("asked", (x,), shape=x.shape, batch=ASKED)


@dataclass(frozen=True)
class Forward:
    """What a pass returns: the final hidden state of every row, and logits of rows that asked."""

    hidden: Tensor
    logits: Tensor


def linear(weight: Weight, x: Tensor) -> Tensor:
    """weight @ x. Kernels may round x, to no less than ten bits in blocks of 32 values."""
    _matrix(weight)
    _vector(x, "linear")
    if x.shape[0] != weight.shape[1]:
        raise SpecError(
            caller_span(),
            f"linear of {weight} over {x}",
            f"an input of {weight.shape[1]} values",
            f'weight("{weight.name}", {weight.shape[0]}, {x.shape[0]})',
        )
    return x.tape.record("linear", (x,), weights=(weight,), shape=(weight.shape[0],))


def biased(x: Tensor, bias: Weight) -> Tensor:
    """x + bias."""
    _vector(x, "biased")
    if not isinstance(bias, Weight) or bias.shape != x.shape or bias.type != "f32":
        raise SpecError(
            caller_span(),
            f"biased of {x} with {bias}",
            f"an f32 vector of {x.shape[0]} values",
            f'biased(x, block.weight("attn_q.bias", {x.shape[0]}))',
        )
    return x.tape.record("bias", (x,), weights=(bias,), shape=x.shape)


def rms_norm(x: Tensor, gain: Weight, epsilon: float) -> Tensor:
    """x / sqrt(mean(x * x) + epsilon) * gain, of the whole vector or of each head by itself."""
    _same_tape(x)
    if gain.shape != x.shape[-1:] or gain.type != "f32":
        raise SpecError(
            caller_span(),
            f"rms_norm of {x} with {gain}",
            f"an f32 gain of {x.shape[-1]} values",
            f'weight("{gain.name}", {x.shape[-1]})',
        )
    if not 0 < epsilon < 1:
        raise SpecError(
            caller_span(), f"epsilon {epsilon!r}", "a number between 0 and 1", "epsilon=1e-5"
        )
    return x.tape.record("rms_norm", (x,), weights=(gain,), shape=x.shape, epsilon=float(epsilon))


def rope(x: Tensor, rotation: Rope) -> Tensor:
    """Turns each head of x by the row's position."""
    if len(x.shape) != 2 or x.shape[1] != rotation.width:
        raise SpecError(
            caller_span(),
            f"rope of width {rotation.width} over {x}",
            f"(heads, {rotation.width})",
            "rope(q.heads(9), Rope(width=64, base=1e5))",
        )
    return x.tape.record("rope", (x,), shape=x.shape, rotation=rotation)


def attention(
    q: Tensor, k: Tensor, v: Tensor, window: int | None = None, scale: float | None = None
) -> Tensor:
    """Appends k and v to the layer's KV cache, then softmax(q k * scale) v over the row's sequence up
    to its position, its last `window` positions if given; query heads share K and V heads in equal
    groups. The scale is 1 / sqrt(width) if not given."""
    for name, x in (("q", q), ("k", k), ("v", v)):
        if len(x.shape) != 2 or x.batch != ALL:
            raise SpecError(
                caller_span(),
                f"attention with {name} = {x}",
                "heads of every row: (rows, heads, width)",
                f"{name}.heads(3)",
            )
    if k.shape != v.shape or q.shape[1] != k.shape[1] or q.shape[0] % k.shape[0]:
        raise SpecError(
            caller_span(),
            f"attention with q {q.shape}, k {k.shape}, v {v.shape}",
            "k and v of one shape, q of the same head width and a multiple of their heads",
            "q (9, 64), k (3, 64), v (3, 64)",
        )
    if q.tape.stage.layer < 0:
        raise SpecError(
            caller_span(),
            "attention outside a layer",
            "a call inside the loop over layers",
            "for layer in rows.layers(30):",
        )
    if any(n.operation == "attention" and n.stage is q.tape.stage for n in q.tape.nodes):
        raise SpecError(
            caller_span(),
            "a second attention in one layer",
            "one attention a layer: the cache has one slot for it",
            "for layer in rows.layers(30):",
        )
    if (window is not None and window <= 0) or (scale is not None and scale <= 0):
        raise SpecError(
            caller_span(),
            f"attention with window={window}, scale={scale}",
            "positive numbers or None",
            "attention(q, k, v, window=512)",
        )
    return q.tape.record("attention", (q, k, v), shape=q.shape, window=window, scale=scale)


def silu(x: Tensor) -> Tensor:
    """x / (1 + exp(-x))."""
    _same_tape(x)
    return x.tape.record("silu", (x,), shape=x.shape)


def gelu(x: Tensor) -> Tensor:
    """x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (arXiv:1606.08415)."""
    _same_tape(x)
    return x.tape.record("gelu", (x,), shape=x.shape)


def _elementwise(operation: str, left: Tensor, right: Any) -> Tensor:
    if not isinstance(right, Tensor):
        raise SpecError(
            caller_span(), f"{operation} of {left} and {right!r}", "two tensors", "x + linear(w, y)"
        )
    if left.shape != right.shape or left.batch != right.batch:
        raise SpecError(
            caller_span(),
            f"{operation} of {left} and {right}",
            "two tensors of one shape",
            f"both {left.shape}",
        )
    return left.tape.record(operation, (left, right), shape=left.shape)


def _matrix(weight: Any) -> None:
    if not isinstance(weight, Weight) or len(weight.shape) != 2:
        raise SpecError(
            caller_span(),
            str(weight),
            "a matrix: (outputs, inputs)",
            'weight("output.weight", 49152, 576)',
        )


def _same_tape(x: Any) -> None:
    if not isinstance(x, Tensor):
        raise SpecError(caller_span(), repr(x), "a tensor of this pass", "rows.embed(table)")


def _vector(x: Any, operation: str) -> None:
    _same_tape(x)
    if len(x.shape) != 1:
        raise SpecError(caller_span(), f"{operation} over {x}", "one vector a row", "x.flat()")
