"""Computes index notation with numpy: what tests hold generated kernels and instructions against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cllm_gen.notation.index import (
    INDICES,
    Algorithm,
    Binary,
    Call,
    Element,
    Meaning,
    Name,
    Number,
    Reduction,
    Type,
    names_in,
)

_DTYPES = {
    "i8": np.int8,
    "u8": np.uint8,
    "i16": np.int16,
    "u16": np.uint16,
    "i32": np.int32,
    "u32": np.uint32,
    "i64": np.int64,
    "u64": np.uint64,
    "f32": np.float32,
}


def _saturate(bits: int):
    return lambda x: np.clip(x, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _fraction(x):
    """What lies above the next lower integer, as f32 rounded down: never 1, and -0 at an integer."""
    exact = np.asarray(x, np.float64) - np.floor(x)
    near = exact.astype(np.float32)
    held = np.where((near > exact) | (near == 1), np.nextafter(near, np.float32(0)), near)
    return np.where(exact == 0, np.float32(-0.0), held)


def _fused(a, b, c) -> np.ndarray:
    """a * b + c, rounded once. The product is exact in 53 bits; the sum is rounded to odd, so that
    rounding it again to 24 bits is right."""
    product, c = np.multiply(a, b, dtype=np.float64), np.asarray(c, np.float64)
    total = product + c
    back = total - product
    error = (product - (total - back)) + (c - back)
    even = (total.view(np.int64) & 1) == 0
    odd = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, odd, total).astype(np.float32)


_FUNCTIONS = {
    "abs": np.abs,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "round": np.rint,
    "truncate": np.trunc,
    "max": np.maximum,
    "min": np.minimum,
    "select": np.where,
    "saturate_i8": _saturate(8),
    "saturate_i16": _saturate(16),
    "bits": lambda x: np.asarray(x, np.float32).view(np.int32).astype(np.int64),
    "from_bits": lambda x: (np.asarray(x) & 0xFFFFFFFF).astype(np.uint32).view(np.float32),
    "from_half": lambda x: (np.asarray(x) & 0xFFFF)
    .astype(np.uint16)
    .view(np.float16)
    .astype(np.float32),
    "half": lambda x: np.asarray(x, np.float32).astype(np.float16).view(np.uint16).astype(np.int64),
    "fraction": _fraction,
    "times_power": lambda a, n: np.ldexp(a, np.clip(np.floor(n), -1000, 1000).astype(int)),
    "unsigned_64": lambda x: np.asarray(x, np.int64).astype(np.uint64),
    "fused": _fused,
}
_OPERATORS = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "//": np.floor_divide,
    "%": np.mod,
    "<<": np.left_shift,
    ">>": np.right_shift,
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "^": np.bitwise_xor,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "/": np.divide,
}


def _whole(value) -> Any:
    """Indices computed in floats, as integers again."""
    return value.astype(np.int64) if np.asarray(value).dtype.kind == "f" else value


class _Evaluation:
    """`arrays` and scalars by name; `axes` holds the values of each index in order of its axis."""

    def __init__(self, values: Mapping[str, Any]):
        self.values = dict(values)

    def of(self, node, axes: list[tuple[str, np.ndarray]]):
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Name):
            for axis, (name, numbers) in enumerate(axes):
                if name == node.name:
                    return numbers.reshape((-1,) + (1,) * (len(axes) - 1 - axis))
            return self.values[node.name]
        if isinstance(node, Element):
            indices = tuple(_whole(self.of(each, axes)) for each in node.indices)
            return self.values[node.array][indices]
        if isinstance(node, Call):
            return _FUNCTIONS[node.function](*(self.of(each, axes) for each in node.arguments))
        if isinstance(node, Binary):
            return _OPERATORS[node.operator](self.of(node.left, axes), self.of(node.right, axes))
        assert isinstance(node, Reduction)
        count = int(self.of(node.count, []))
        shape = (*(len(numbers) for _, numbers in axes), count)
        body = self.of(node.body, [*axes, (node.index, np.arange(count))])
        join = np.sum if node.operation == "sum" else np.max
        return join(np.broadcast_to(body, shape), axis=-1)


def evaluate(
    algorithm: Algorithm,
    values: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    only: Mapping[str, range] | None = None,
) -> dict[str, np.ndarray]:
    """Runs an algorithm in float64. `values` holds inputs and sizes by name, `shapes` the shape of
    each array that statements write (inputs that are written are copied first: each statement
    reads what stood before it, except results of earlier statements). `only` narrows an index."""
    before = _Evaluation(
        {
            name: (
                value.astype(np.float64)
                if isinstance(value, np.ndarray) and value.dtype == np.float32
                else value
            )
            for name, value in values.items()
        }
    )
    results = {
        name: np.array(before.values[name]) if name in before.values else np.zeros(shape)
        for name, shape in shapes.items()
    }
    fresh = set(results) - set(before.values)
    for statement in algorithm.statements:
        used = [name for name, _ in algorithm.ranges if name in _indices(statement.indices)]
        axes = []
        for name, bound in algorithm.ranges:
            if name in used:
                numbers = (only or {}).get(name) or range(int(before.of(bound, [])))
                axes.append((name, np.array(numbers)))
        value = before.of(statement.value, axes)
        target = tuple(_whole(before.of(each, axes)) for each in statement.indices)
        shape = tuple(len(numbers) for _, numbers in axes)
        results[statement.array][tuple(np.broadcast_to(t, shape) for t in target)] = (
            np.broadcast_to(value, shape)
        )
        if statement.array in fresh:
            before.values[statement.array] = results[statement.array]
    return results


def _indices(nodes) -> set[str]:
    return set().union(*map(names_in, nodes))


def run_meaning(meaning: Meaning, operands: Mapping[str, Any]) -> np.ndarray:
    """What an instruction leaves in its result's lanes: integers wrap, floats are f32. Lanes of bf16
    go in and come out as their 16 bits, u16."""

    def widened(type: Type, value):
        array = np.asarray(value)
        if type.element == "imm":
            return int(value)
        if type.element == "bf16":
            return bf16_values(array)
        if type.element == "f32":
            return array.astype(np.float32)
        return array.astype(np.uint64 if type.element == "u64" else np.int64)

    values = {name: widened(type, operands[name]) for name, type in meaning.parameters}
    shape = meaning.result.shape or (1,)
    axes = [(name, np.arange(size)) for name, size in zip(INDICES, shape)]
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.ndim == 0:
            values[name] = value[()]
    with np.errstate(all="ignore"):
        result = np.broadcast_to(_Evaluation(values).of(meaning.value, axes), shape)
    if meaning.result.element == "bf16":
        return bf16_bits(result)
    if meaning.result.element == "f32":
        return result.astype(np.float32)
    if result.dtype.kind == "f":
        result = result.astype(np.int64)
    dtype = _DTYPES[meaning.result.element]
    return result.astype(np.int64).astype(dtype) if dtype is not np.uint64 else result.astype(dtype)


def bf16_values(bits: np.ndarray) -> np.ndarray:
    """bfloat16 numbers, given as u16, as f32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def bf16_bits(values: np.ndarray) -> np.ndarray:
    """Floats rounded to bfloat16, ties to even, as u16. NaN is not rounded and must not come."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
