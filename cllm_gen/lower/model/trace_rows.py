"""Lowering of the operations that work on rows of floats: norms, sums, scales, biases and gates."""

from __future__ import annotations

from math import prod

from cllm_gen.lower.model.operations import Buffer
from cllm_gen.lower.model.values import GATES, Values, part_name, source_of
from cllm_gen.schedule.weight_layout import stored_type
from cllm_gen.source import SpecError
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.spec.tensor import Node, Tensor


class RowOperations(Values):
    """The part of lowering (trace.py) for these."""

    def _in_place(self, tensor: Tensor, node: Node) -> Buffer:
        """The tensor's own buffer for the node's value if nothing else needs it, or a copy."""
        x = self._of(tensor)
        if self._dies(tensor, node):
            self.buffer_of[id(node)] = x
            return x
        y = self._result(node, f"{x.name}_copied")
        self._emit(node, "copy", None, {"x": x, "y": y})
        return y

    def _rms_norm(self, node: Node) -> None:
        """Over heads it is one over as many rows of a head's width."""
        x, width = self._of(node.inputs[0]), node.shape[-1]
        epsilon = node["epsilon"]
        if node.shape == (width,) and self._feeds_integers(node):
            name = f"{part_name(node.weights[0])}_quantized"
            q = self._new(name, self.quantized_bytes(width), node.batch, "uint8_t")
            self.quantised[id(node)] = q
            request = KernelRequest("rms_norm_quantize", "f32", (width,))
            buffers = {"x": x, "q": q}
            self._emit(node, "rms_norm_quantize", request, buffers, node.weights, epsilon=epsilon)
            return
        if self._dies(node.inputs[0], node):
            self.buffer_of[id(node)] = y = x
        else:
            y = self._result(node, part_name(node.weights[0]))
        self._emit(
            node,
            "rms_norm",
            KernelRequest("rms_norm", "f32", (width,)),
            {"x": x, "y": y},
            node.weights,
            each=prod(node.shape) // width,
            epsilon=epsilon,
        )

    def _scale(self, node: Node) -> None:
        x = self._of(node.inputs[0])
        if self._dies(node.inputs[0], node):
            self.buffer_of[id(node)] = y = x
        else:
            y = self._result(node, f"{x.name}_scaled")
        request = KernelRequest("scale", "f32", (prod(node.shape),))
        self._emit(node, "scale", request, {"x": x, "y": y}, factor=node["factor"])

    def _bias(self, node: Node) -> None:
        y = self._in_place(node.inputs[0], node)
        request = KernelRequest("add_bias", "f32", node.shape)
        self._emit(node, "add_bias", request, {"y": y}, node.weights)

    def _plain_add(self, node: Node) -> None:
        """A sum of two values, into that which is not used again."""
        left, right = node.inputs
        if not self._dies(left, node) and self._dies(right, node):
            left, right = right, left
        y, x = self._in_place(left, node), self._of(right)
        request = KernelRequest("add", "f32", (prod(node.shape),))
        self._emit(node, "add", request, {"x": x, "y": y})

    def _activation(self, node: Node) -> None:
        raise SpecError(
            node.span,
            f"a {node.operation} that no kernel computes",
            "an activation used once, in a product",
            f"{node.operation}(gate) * up",
        )

    _silu = _gelu = _activation

    def _multiply(self, node: Node) -> None:
        if id(node) in self.gated:
            self._gated_linear(node, *self.gated[id(node)])
            return
        for term, other in ((0, 1), (1, 0)):
            gate = source_of(node.inputs[term])
            if self.absorbed.get(id(gate)) is node:
                gate_buffer, up = self._of(gate.inputs[0]), self._of(node.inputs[other])
                kind = f"{gate.operation}_multiply"
                name = f"{gate_buffer.name}_times_{up.name}"
                buffers = {"gate": gate_buffer, "up": up, "y": self._result(node, name)}
                request = KernelRequest(kind, "f32", (prod(node.shape),))
                self._emit(node, kind, request, buffers)
                return
        raise SpecError(
            node.span,
            "a product that no kernel computes",
            "a product with an activation, or with a number",
            "silu(gate) * up",
        )

    def _gated_linear(self, node: Node, gate: Node, up: Node) -> None:
        """Two matrices' products, joined by a gate."""
        weights = (*gate.weights, *up.weights)
        for weight in weights:
            self._check_matrix(weight)
        kind = GATES[self.gate_of[id(node)]]
        name = "_times_".join(part_name(weight) for weight in weights)
        request = KernelRequest(kind, stored_type(weights[0].type), weights[0].shape)
        buffers = {"q": self._quantise(gate), "y": self._result(node, name)}
        if self._feeds_integers(node):
            buffers["quantized"] = self._quantised_result(node, request.name)
        self._emit(node, kind, request, buffers, weights)
