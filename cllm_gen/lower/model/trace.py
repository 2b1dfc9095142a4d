"""Runs a model's forward pass over symbolic rows and turns the recording into operations that have
kernels: what is simple is fused, and every value gets a buffer with a lifetime."""

from __future__ import annotations

from collections.abc import Callable

from cllm_gen.lower.model.operations import Buffer, Program
from cllm_gen.lower.model.trace_rows import RowOperations
from cllm_gen.lower.model.values import GATES, is_float, part_name, source_of
from cllm_gen.schedule.kv_layout import STEP_SLOTS
from cllm_gen.schedule.weight_layout import stored_type, whole_tiles
from cllm_gen.source import SpecError
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.model import Model
from cllm_gen.spec.tensor import ALL, Forward, Node, Rows, Tape, Tensor, Weight


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


def lower(model: Model, quantized_bytes: Callable[[int], int], kv_cache: str) -> Program:
    """The pass as operations. `quantized_bytes(K)` is the stride of a quantised row of K values,
    `kv_cache` the type of cached keys and values."""
    tape, result = record(model)
    return _Lowering(model, tape, result, quantized_bytes, kv_cache).run()


class _Lowering(RowOperations):
    def run(self) -> Program:
        self._absorb()
        for node in self.tape.nodes:
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
                    if (
                        linear.operation == "linear"
                        and self._only_use(linear, node)
                        and self._dies(node.inputs[other], node)
                        and self._keeps(linear, node)
                    ):
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
            same = same and (is_float(maps[0]) or self._feeds_integers(product))
            if same and (left.type, left.shape) == (right.type, right.shape):
                for each in maps:
                    self.absorbed[id(each)] = product
                self.gated[id(product)] = (maps[0], maps[1])
                self.gate_of[id(product)] = gate.operation

    def _keeps(self, linear: Node, user: Node) -> bool:
        """Whether the map's input is still there when `user` computes it on the way: quantised in
        time, or nothing is computed between the two."""
        between = self.tape.nodes[self.index[id(linear)] + 1 : self.index[id(user)]]
        return not is_float(linear) or all(each.operation == "view" for each in between)

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
            pair = [
                self._new(f"{part}_{name}", 2 * rotation.width, ALL)
                for part in ("cosines", "sines")
            ]
            for table in pair:
                table.first = 0
            self.program.rotations[rotation] = (pair[0], pair[1])
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
        heads, window, scale = q.shape[0], node["window"], node["scale"]
        if window is not None and window >= self.model.context:
            window = None
        operation = "attention" if window is None else "attention_window"
        shape = (heads, groups, width) if window is None else (heads, groups, width, window)
        parameters = () if scale in (None, width**-0.5) else (("scale", scale),)
        integers = self._feeds_integers(node)
        if not integers:
            parameters = (("floats", 1.0), *parameters)
        request = KernelRequest(operation, self.kv_cache, shape, parameters)
        buffers = {"q": self._of(q), "y": self._result(node, "mixed")}
        if integers:
            buffers["quantized"] = self._quantised_result(node, request.name)
        buffers["stretches"] = self._new("stretches", STEP_SLOTS * 4 * heads * width, node.batch)
        buffers["states"] = self._new("states", STEP_SLOTS * 4 * heads * 2, node.batch)
        self._emit(
            node,
            "attention",
            request,
            buffers,
            groups=groups,
            heads=heads,
            width=width,
            window=window,
        )

    def _asked(self, node: Node) -> None:
        x = self._of(node.inputs[0])
        self._emit(node, "asked", None, {"x": x, "y": self._result(node, f"{x.name}_asked")})


def _request(operation: str, weight: Weight) -> KernelRequest:
    """A kernel for a whole matrix."""
    outputs, inputs = weight.shape
    return KernelRequest(operation, stored_type(weight.type), (whole_tiles(outputs), inputs))
