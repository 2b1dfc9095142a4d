"""Something for a kernel to do: arguments with the model's own weights, made by the names that specs
give to a kernel's parameters."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from cllm_gen.explain.kernel_library import KernelLibrary
from cllm_gen.lower.kernel.trace import Traced
from cllm_gen.lower.model.lowered import Lowered
from cllm_gen.machine.errors import RunFailed
from cllm_gen.schedule.kv_layout import ATTENTION_ROWS
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import TILE_ROWS
from cllm_gen.spec.kernel import KernelRequest

POSITION = 512
"""The position at which the first row of an attention call is timed."""
COLD_BYTES = 96 << 20
"""What a cold call's weights rotate over: beyond any cache of a core's own."""
_HALF_ONES = 0x3C  # bytes of it are 1.06 as f16, 0.01 as f32 and 60 as i8


@dataclass
class Case:
    """arguments  addresses and sizes in the order of the kernel's parameters
    steps      how far each moves from one cold copy to the next
    copies     how many of them there are
    rows       batch rows of the call
    bytes      of weights or cache that a call reads once
    operations of the call, a multiply-add being two (0: it does not multiply matrices)
    outputs    values that the call writes
    """

    arguments: list[int]
    steps: list[int]
    copies: int
    rows: int
    bytes: int
    operations: int
    outputs: int
    kept: list[np.ndarray]
    """Keeps the memory alive."""


class Cases:
    """Makes cases for the kernels of one model."""

    def __init__(self, low: Lowered, pack: Path, library: KernelLibrary):
        self.low, self.pack, self.library = low, pack, library
        self._random = np.random.default_rng(1)
        self._weights: dict[tuple, np.ndarray] = {}
        self._requests = {op.kernel for op in low.program.operations if op.kernel}

    def most_rows(self, request: KernelRequest, rows_max: int) -> int:
        """Rows of a large call."""
        if request.operation == "store":
            return 1
        return ATTENTION_ROWS if request.operation.startswith("attention") else rows_max

    def case(self, traced: Traced, rows: int) -> Case:
        """Raises RunFailed for a parameter that has no meaning here yet."""
        request = traced.request
        made = Case([], [], 1, rows, 0, 0, 0, [])
        dimensions = traced.kernel.dimensions(request)
        for name, kind in traced.kernel.arguments.items():
            if kind == "f32":
                continue  # stopwatch.c gives every kernel the same one
            value, step = self._argument(name, kind, traced, dimensions, made)
            made.arguments.append(value)
            made.steps.append(step)
        self._amounts(made, traced, dimensions)
        return made

    def _amounts(self, made: Case, traced: Traced, dimensions: dict) -> None:
        request, rows = traced.request, made.rows
        if request.matrices:
            made.bytes = traced.weight_bytes
            made.operations = 2 * rows * request.matrices * prod(request.shape)
            made.outputs = rows * request.shape[0]
        elif request.operation.startswith("attention"):
            seen = rows * POSITION + rows * (rows + 1) // 2
            if "W" in dimensions:
                seen = sum(min(POSITION + r + 1, dimensions["W"]) for r in range(rows))
            made.operations = 4 * dimensions["H"] * dimensions["D"] * seen
            layers = len(self.low.cache_bytes)
            positions = min(POSITION + rows, dimensions.get("W", POSITION) + rows)
            made.bytes = self.low.block_bytes // layers * positions // 32
            made.outputs = rows * dimensions["H"] * dimensions["D"]
        else:
            made.outputs = rows * traced.outputs

    def _argument(self, name, kind, traced, dimensions, made) -> tuple[int, int]:
        request, rows = traced.request, made.rows
        attention = request.operation.startswith("attention")
        if kind == "size":
            groups = dimensions.get("G", 0) if attention else request.shape[0] // TILE_ROWS
            sizes = {"rows": rows, "first": 0, "last": groups, "position": POSITION, "slot": 5}
            sizes |= {"from": 0, "to": POSITION + rows, "block_bytes": self.low.block_bytes}
            if name in sizes:
                return sizes[name], 0
        elif kind == "in bytes" and name == "q":
            return self._keep(made, self._quantized(rows, request.shape[-1])), 0
        elif kind == "in bytes":
            weights, size, copies = self._copies(request, name)
            made.copies = min(made.copies, copies) if made.copies > 1 else copies
            return self._keep(made, weights), 0 if request.operation == "embed" else size
        elif kind == "out bytes":
            return self._keep(made, aligned(rows * quantized_bytes(request.shape[-1]))), 0
        elif kind == "in i32":
            tokens = self._random.integers(0, request.shape[0], rows).astype(np.int32)
            return self._keep(made, tokens), 0
        elif kind == "in u32":
            return self._keep(made, np.arange((POSITION + rows) // 32 + 2, dtype=np.uint32)), 0
        elif kind in ("in u8", "out u8"):
            blocks = (POSITION + rows) // 32 + 2
            memory = aligned(blocks * self.low.block_bytes, _HALF_ONES)
            made.copies = len(self.low.cache_bytes)
            return self._keep(made, memory), self.low.block_bytes // made.copies
        elif name == "state":
            return 0, 0  # what comes of all positions is not to be joined
        elif kind in ("in f32", "out f32"):
            values = request.shape if len(request.shape) < 2 else self._row(request)
            size = 4 * prod(values)
            if request.may_quantize:
                size = max(size, quantized_bytes(prod(values)))
            floats = aligned(rows * size).view(np.float32)
            floats[:] = self._random.standard_normal(len(floats))
            return self._keep(made, floats), 0
        raise RunFailed(
            f"{request.name}: explain does not know what to pass as {name} ({kind}); "
            "teach it in cllm_gen/explain/kernel_case.py"
        )

    def _row(self, request: KernelRequest) -> tuple[int, ...]:
        """A shape that holds a row of any float parameter."""
        if request.matrices:
            return (request.shape[0],)
        return (request.shape[-1],) if request.operation == "embed" else request.shape

    def _keep(self, made: Case, array: np.ndarray) -> int:
        made.kept.append(array)
        return array.ctypes.data

    def _quantized(self, rows: int, columns: int) -> np.ndarray:
        """Random rows as the set's own kernel lays them out."""
        quantize = next(
            (r for r in self._requests if r.operation == "quantize" and r.shape[-1] == columns),
            None,
        )
        if quantize is None:
            raise RunFailed(f"no kernel quantises rows of {columns} values")
        x = aligned(4 * rows * columns).view(np.float32)
        x[:] = self._random.standard_normal(len(x))
        q = aligned(rows * quantized_bytes(columns))
        arguments = [rows, x.ctypes.data, q.ctypes.data]
        symbol = self.library.symbol(quantize.name)
        self.library.seconds(symbol, arguments, [0, 0, 0], 1, 0)
        return q

    def _copies(self, request: KernelRequest, name: str) -> tuple[np.ndarray, int, int]:
        """One of the model's matrices of this shape many times over: memory, bytes, copies."""
        key = (request.type, request.shape, name)
        placed = next(
            item
            for item in self.low.weights.values()
            if (item.weight.type, tuple(item.weight.shape)) == (request.type, request.shape[:2])
        )
        copies = max(2, -(-COLD_BYTES // placed.size)) if request.operation != "embed" else 1
        if key not in self._weights:
            one = np.frombuffer(section(self.pack, "weights"), np.uint8, placed.size, placed.offset)
            step = -(-placed.size // 64) * 64
            memory = aligned(copies * step)
            for copy in range(copies):
                memory[copy * step : copy * step + placed.size] = one
            self._weights = {k: v for k, v in self._weights.items() if k[:2] == key[:2]}
            self._weights[key] = memory
        return self._weights[key], -(-placed.size // 64) * 64, copies


def aligned(size: int, fill: int = 0) -> np.ndarray:
    """Bytes on a 64-byte boundary."""
    raw = np.full(size + 64, fill, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def section(pack: Path, name: str) -> memoryview:
    """A section of a packed model image; kernel_static/include/model_image.h states the format."""
    data = np.memmap(pack, np.uint8, "r").data
    (count,) = struct.unpack_from("<I", data, 12)
    for index in range(count):
        found, offset, size = struct.unpack_from("<24sQQ", data, 64 + 64 * index)
        if found.rstrip(b"\0").decode() == name:
            return data[offset : offset + size]
    raise RunFailed(f"{pack.name}: no section {name}")
