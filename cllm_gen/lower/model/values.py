"""What lowering knows of a recording's values: who uses each, whether something computes it on the
way, and the buffer that holds it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from cllm_gen.lower.model.operations import Buffer, Operation, Program
from cllm_gen.schedule.weight_layout import BLOCK, TILE_ROWS, layout_of, whole_tiles
from cllm_gen.source import Span, SpecError
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model
from cllm_gen.spec.tensor import Forward, Node, Tape, Tensor, Weight

GATES = {"silu": "swiglu", "gelu": "geglu"}
"""Activations, and the kernel that joins two matrices' products with each."""


def source_of(tensor: Tensor) -> Node:
    """The operation whose result a chain of views shows."""
    while tensor.node.operation == "view":
        tensor = tensor.node.inputs[0]
    return tensor.node


def part_name(weight: Weight) -> str:
    """A C name for what a weight computes: "blk.3.attn_q.weight" gives attn_q."""
    return weight.name.removesuffix(".weight").rsplit(".", 1)[-1].lower()


def is_float(node: Node) -> bool:
    """Whether a linear map has weights that are multiplied as floats."""
    return node.operation == "linear" and layout_of(node.weights[0].type).is_float


class Values:
    """The values of one recording; trace.py and trace_rows.py lower its operations."""

    def __init__(
        self,
        model: Model,
        tape: Tape,
        result: Forward,
        quantized_bytes: Callable[[int], int],
        kv_cache: str,
    ):
        self.model, self.tape, self.result = model, tape, result
        self.quantized_bytes, self.kv_cache = quantized_bytes, kv_cache
        self.program = Program(model)
        self.index = {id(node): i for i, node in enumerate(tape.nodes)}
        self.kept = {id(source_of(tensor)) for tensor in (result.hidden, result.logits)}
        self.users: dict[int, list[Node]] = {}
        for node in tape.nodes:
            for tensor in node.inputs:
                if node.operation != "view":
                    self.users.setdefault(id(source_of(tensor)), []).append(node)
        self.absorbed: dict[int, Node] = {}
        self.gated: dict[int, tuple[Node, Node]] = {}
        self.gate_of: dict[int, str] = {}
        self.buffer_of: dict[int, Buffer] = {}
        self.quantised: dict[int, Buffer] = {}
        self.made_quantised: dict[int, tuple[Buffer, str]] = {}

    def _only_use(self, node: Node, user: Node) -> bool:
        users = self.users.get(id(node), [])
        return len(users) == 1 and users[0] is user and id(node) not in self.kept

    def _dies(self, tensor: Tensor, node: Node) -> bool:
        """Nothing needs the tensor's value after `node`, so its buffer may be updated in place.
        An absorbed activation reads its input late; an absorbed linear map has quantised it in
        time, unless its weights are floats."""
        source = source_of(tensor)
        users = self.users.get(id(source), [])
        late = [
            (
                self.absorbed.get(id(user), user)
                if user.operation in GATES or is_float(user)
                else user
            )
            for user in users
        ]
        return (
            id(source) not in self.kept
            and users.count(node) < 2
            and all(self.index[id(user)] <= self.index[id(node)] for user in late)
        )

    def _of(self, tensor: Tensor) -> Buffer:
        return self.buffer_of[id(source_of(tensor))]

    def _new(self, name: str, row_bytes: int, batch: str, type: str = "float") -> Buffer:
        buffer = Buffer(name, row_bytes, batch, type)
        self.program.buffers.append(buffer)
        return buffer

    def _result(self, node: Node, name: str, width: int | None = None) -> Buffer:
        """A fresh buffer for the node's value, of which a row may be wider than the value."""
        width = width or prod(node.shape)
        self.buffer_of[id(node)] = buffer = self._new(name, 4 * width, node.batch)
        buffer.width = width
        return buffer

    def _emit(
        self,
        node: Node,
        kind: str,
        kernel: KernelRequest | None,
        buffers: dict[str, Buffer],
        weights: tuple[Weight, ...] = (),
        span: Span | None = None,
        **attributes: Any,
    ) -> None:
        now = len(self.program.operations)
        for buffer in buffers.values():
            buffer.first = now if buffer.first < 0 else buffer.first
            buffer.last = now
        self.program.operations.append(
            Operation(
                kind,
                kernel,
                tuple(buffers.items()),
                weights,
                node.batch,
                node.stage,
                span or node.span,
                tuple(sorted(attributes.items())),
            )
        )

    def _quantise(self, node: Node) -> Buffer:
        """The input of a linear map as integers, once for all maps that share it; as it is for
        weights that are floats."""
        tensor = node.inputs[0]
        if is_float(node):
            return self._of(tensor)
        source = source_of(tensor)
        key = id(source)
        if key not in self.quantised:
            q, unless = self.made_quantised.get(key) or (self._quantised_buffer(source), "")
            self.quantised[key] = q
            request = KernelRequest("quantize", "f32", (tensor.size,))
            buffers = {"x": self._of(tensor), "q": q}
            told: dict[str, Any] = {"unless": unless} if unless else {}
            self._emit(node, "quantize", request, buffers, **told)
        return self.quantised[key]

    def _quantised_buffer(self, node: Node) -> Buffer:
        x, width = self.buffer_of[id(node)], prod(node.shape)
        return self._new(f"{x.name}_quantized", self.quantized_bytes(width), node.batch, "uint8_t")

    def _quantised_result(self, node: Node, kernel: str) -> Buffer:
        """Where a kernel may leave the node's value quantised; what quantises it looks whether it has."""
        self.made_quantised[id(node)] = (self._quantised_buffer(node), kernel)
        return self.made_quantised[id(node)][0]

    def _feeds_integers(self, node: Node) -> bool:
        """Whether all that is done with the node's value is to multiply it by quantised weights."""
        users = self.users.get(id(node), [])
        return id(node) not in self.kept and all(
            user.operation == "linear" and not is_float(user) for user in users
        )

    def _check_matrix(self, weight: Weight, any_rows: bool = False) -> None:
        """Kernels take whole tiles; only of a vocabulary may they find rows of zeros at the end."""
        if (weight.shape[0] % TILE_ROWS and not any_rows) or weight.shape[1] % BLOCK:
            raise SpecError(
                weight.span,
                str(weight),
                "outputs a multiple of 16 and inputs a multiple of 32",
                f'weight("{weight.name}", {whole_tiles(weight.shape[0])}, {-(-weight.shape[1] // BLOCK) * BLOCK})',
            )
