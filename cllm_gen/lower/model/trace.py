"""Runs a model's forward pass over symbolic rows and turns the recording into operations that have
kernels: what is simple is fused, and every value gets a buffer with a lifetime."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

from cllm_gen.lower.model.trace_rows import GATES, RowOperations, part_name, source_of
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model
from cllm_gen.source import Span, SpecError
from cllm_gen.spec.tensor import ALL, Forward, Node, Rope, Rows, Stage, Tape, Tensor, Weight
from cllm_gen.schedule.weight_layout import BLOCK, TILE_ROWS, layout_of, stored_type, whole_tiles


@dataclass(eq=False)
class Buffer:
    """Memory of one value: `row_bytes` for each row of `batch`."""

    name: str
    row_bytes: int
    batch: str
    type: str = "float"
    width: int = 0
    """Values of a row."""
    first: int = -1
    last: int = -1
    """Indices of the operations between which it is live, both included."""


@dataclass(frozen=True)
class Operation:
    """One kernel call, or one of the few moves that generated C does itself (kernel None)."""

    kind: str
    kernel: KernelRequest | None
    buffers: tuple[tuple[str, Buffer], ...]
    """Arguments by role, in the kernel's order."""
    weights: tuple[Weight, ...]
    batch: str
    stage: Stage
    span: Span
    attributes: tuple[tuple[str, Any], ...] = ()

    def buffer(self, role: str) -> Buffer:
        return dict(self.buffers)[role]


@dataclass
class Program:
    """A traced pass, in order of execution."""

    model: Model
    operations: list[Operation] = field(default_factory=list)
    buffers: list[Buffer] = field(default_factory=list)
    rotations: dict[Rope, tuple[Buffer, Buffer]] = field(default_factory=dict)
    """Cosines and sines of each rotation, filled when a step begins and kept to its end."""
    hidden: Buffer | None = None
    logits: Buffer | None = None


def record(model: Model) -> tuple[Tape, Forward]:
    """Executes the forward pass once; SpecError where its shapes do not fit."""
    tape = Tape()
    result = model.forward(model, Rows(tape))
    if not isinstance(result, Forward):
        raise SpecError(
            model.span,
            f"forward returning {type(result).__name__}",
            "Forward(hidden, logits)",
            "return Forward(hidden=x, logits=linear(table, rows.asked(x)))",
        )
    for name, tensor, batch, width in (
        ("hidden", result.hidden, ALL, model.width),
        ("logits", result.logits, "asked rows", model.vocabulary),
    ):
        if not isinstance(tensor, Tensor) or tensor.batch != batch or tensor.shape != (width,):
            raise SpecError(
                tensor.node.span if isinstance(tensor, Tensor) else model.span,
                f"{name} = {tensor}",
                f"a tensor of shape ({batch}, {width})",
                "return Forward(hidden=x, logits=linear(table, rows.asked(x)))",
            )
    layers = {node.stage.layer for node in tape.nodes if node.operation == "attention"}
    if layers != set(range(model.layers)):
        raise SpecError(
            model.span,
            f"attention in {len(layers)} of {model.layers} layers",
            "each layer to attend once",
            "for layer in rows.layers(model.layers):",
        )
    return tape, result


def lower(model: Model, quantized_bytes, kv_cache: str) -> Program:
    """The pass as operations. `quantized_bytes(K)` is the stride of a quantised row of K values,
    `kv_cache` the type of cached keys and values."""
    tape, result = record(model)
    return _Lowering(model, tape, result, quantized_bytes, kv_cache).run()


class _Lowering(RowOperations):
    def __init__(self, model: Model, tape: Tape, result: Forward, quantized_bytes, kv_cache: str):
        self.model, self.tape, self.result = model, tape, result
        self.quantized_bytes, self.kv_cache = quantized_bytes, kv_cache
        self.program = Program(model)
        self.users: dict[int, list[Node]] = {}
        self.absorbed: dict[int, Node] = {}
        self.gated: dict[int, tuple[Node, Node]] = {}
        self.gate_of: dict[int, str] = {}
        self.buffer_of: dict[int, Buffer] = {}
        self.quantised: dict[int, Buffer] = {}
        self.made_quantised: dict[int, tuple[Buffer, str]] = {}

    def run(self) -> Program:
        nodes = self.tape.nodes
        self.index = {id(node): i for i, node in enumerate(nodes)}
        for node in nodes:
            for tensor in node.inputs:
                if node.operation != "view":
                    self.users.setdefault(id(source_of(tensor)), []).append(node)
        self.kept = {id(source_of(t)) for t in (self.result.hidden, self.result.logits)}
        self._absorb()
        for node in nodes:
            if id(node) not in self.absorbed:
                getattr(self, "_" + node.operation)(node)
            elif node.operation == "linear":
                self._quantise(node)
        self.program.hidden = self._of(self.result.hidden)
        self.program.logits = self._of(self.result.logits)
        self.program.logits.name = "logits"
        tables = [table for pair in self.program.rotations.values() for table in pair]
        for buffer in (self.program.hidden, self.program.logits, *tables):
            buffer.last = len(self.program.operations) - 1
        return self.program

    def _absorb(self) -> None:
        """Finds nodes that a later node computes on the way: an activation in the product
        that is its only use, a linear map in the sum that is its only use and may overwrite its other term.
        """
        for node in self.tape.nodes:
            if node.operation == "multiply":
                for tensor in node.inputs:
                    gate = source_of(tensor)
                    if gate.operation in GATES and self._only_use(gate, node):
                        self.absorbed[id(gate)] = node
                        self._absorb_gated(gate, node)
                        break
        for node in self.tape.nodes:
            if node.operation == "add":
                for term, other in ((1, 0), (0, 1)):
                    linear = source_of(node.inputs[term])
                    if linear.operation == "linear" and self._only_use(linear, node):
                        if self._dies(node.inputs[other], node) and self._keeps(linear, node):
                            self.absorbed[id(linear)] = node
                            break

    def _absorb_gated(self, gate: Node, product: Node) -> None:
        """Two linear maps of one input, one gated, are one kernel."""
        maps = [source_of(gate.inputs[0])]
        maps += [source_of(t) for t in product.inputs if source_of(t) is not gate]
        users = [gate, product]
        if len(maps) == 2 and all(
            each.operation == "linear" and self._only_use(each, user)
            for each, user in zip(maps, users)
        ):
            left, right = (each.weights[0] for each in maps)
            same = source_of(maps[0].inputs[0]) is source_of(maps[1].inputs[0])
            same = same and (_is_float(maps[0]) or self._feeds_integers(product))
            if same and (left.type, left.shape) == (right.type, right.shape):
                for each in maps:
                    self.absorbed[id(each)] = product
                self.gated[id(product)] = (maps[0], maps[1])
                self.gate_of[id(product)] = gate.operation

    def _keeps(self, linear: Node, user: Node) -> bool:
        """Whether the map's input is still there when `user` computes it on the way: quantised in
        time, or nothing is computed between the two."""
        between = self.tape.nodes[self.index[id(linear)] + 1 : self.index[id(user)]]
        return not _is_float(linear) or all(each.operation == "view" for each in between)

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
                if user.operation in GATES or _is_float(user)
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

    # One method for each recorded operation.

    def _view(self, node: Node) -> None:
        """The same memory under another shape."""

    def _embed(self, node: Node) -> None:
        table = node.weights[0]
        self._check_matrix(table, any_rows=True)
        self._emit(
            node,
            "embed",
            _request("embed", table),
            {"y": self._result(node, "residual")},
            node.weights,
        )

    def _quantise(self, node: Node) -> Buffer:
        """The input of a linear map as integers, once for all maps that share it; as it is for
        weights that are floats."""
        tensor = node.inputs[0]
        if _is_float(node):
            return self._of(tensor)
        source = source_of(tensor)
        key = id(source)
        if key not in self.quantised:
            q, unless = self.made_quantised.get(key) or (self._quantised_buffer(source), "")
            self.quantised[key] = q
            request = KernelRequest("quantize", "f32", (tensor.size,))
            buffers = {"x": self._of(tensor), "q": q}
            self._emit(node, "quantize", request, buffers, **({"unless": unless} if unless else {}))
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
            user.operation == "linear" and not _is_float(user) for user in users
        )

    def _product(self, kind: str, node: Node, linear: Node, y: Buffer) -> None:
        """Multiplies into y, or adds the products to it."""
        weight = linear.weights[0]
        self._emit(
            node,
            kind,
            _request(kind, weight),
            {"q": self._quantise(linear), "y": y},
            linear.weights,
            linear.span,
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

    def _linear(self, node: Node) -> None:
        weight = node.weights[0]
        self._check_matrix(weight, any_rows=node is source_of(self.result.logits))
        y = self._result(node, part_name(weight), whole_tiles(weight.shape[0]))
        self._product("matmul", node, node, y)

    def _add(self, node: Node) -> None:
        for term, other in ((1, 0), (0, 1)):
            linear = source_of(node.inputs[term])
            if self.absorbed.get(id(linear)) is node:
                self._check_matrix(linear.weights[0])
                self.buffer_of[id(node)] = y = self._of(node.inputs[other])
                self._product("matmul_add", node, linear, y)
                return
        self._plain_add(node)

    def _rope(self, node: Node) -> None:
        x = self._of(node.inputs[0])
        if self._dies(node.inputs[0], node):
            self.buffer_of[id(node)] = y = x
        else:
            y = self._result(node, f"{x.name}_turned")
            self._emit(node, "copy", None, {"x": x, "y": y})
        rotation = node["rotation"]
        if rotation not in self.program.rotations:
            name = f"{rotation.width}_{rotation.base:g}".replace(".", "_").replace("+", "")
            pair = tuple(
                self._new(f"{part}_{name}", 2 * rotation.width, ALL)
                for part in ("cosines", "sines")
            )
            for table in pair:
                table.first = 0
            self.program.rotations[rotation] = pair
        cosines, sines = self.program.rotations[rotation]
        self._emit(
            node,
            "rope",
            KernelRequest("rope_halves" if rotation.halves else "rope", "f32", node.shape),
            {"cosines": cosines, "sines": sines, "x": y},
        )

    def _attention(self, node: Node) -> None:
        q, k, v = node.inputs
        groups, width = k.shape
        self._emit(
            node,
            "store",
            KernelRequest("store", self.kv_cache, (groups, width)),
            {"k": self._of(k), "v": self._of(v)},
            groups=groups,
            width=width,
        )
        window, scale = node["window"], node["scale"]
        operation, shape = "attention", (q.shape[0], groups, width)
        if window is not None and window < self.model.context:
            operation, shape = "attention_window", (*shape, window)
        parameters = () if scale in (None, width**-0.5) else (("scale", scale),)
        request = KernelRequest(operation, self.kv_cache, shape, parameters)
        buffers = {"q": self._of(q), "y": self._result(node, "mixed")}
        if self._feeds_integers(node):
            buffers["quantized"] = self._quantised_result(node, request.name)
        self._emit(node, "attention", request, buffers, groups=groups)

    def _asked(self, node: Node) -> None:
        x = self._of(node.inputs[0])
        self._emit(node, "asked", None, {"x": x, "y": self._result(node, f"{x.name}_asked")})


def _request(operation: str, weight: Weight) -> KernelRequest:
    """A kernel for a whole matrix."""
    outputs, inputs = weight.shape
    return KernelRequest(operation, stored_type(weight.type), (whole_tiles(outputs), inputs))


def _is_float(node: Node) -> bool:
    """Whether a linear map has weights that are multiplied as floats."""
    return node.operation == "linear" and layout_of(node.weights[0].type).is_float
