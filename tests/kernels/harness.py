"""Builds generated kernels into a shared object and calls them from numpy."""

from __future__ import annotations

import ctypes
import subprocess
from functools import cache
from pathlib import Path

import numpy as np

from cllm_gen.emit.render import environment, render
from cllm_gen.lower.kernel.outputs import outputs
from cllm_gen.lower.kernel.resolve import load_kernels, resolve, resolve_all
from cllm_gen.notation.evaluate import bf16_values, evaluate
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.schedule.weight_layout import layout_of
from cllm_gen.spec.kernel import KernelRequest, Schedule
from cllm_gen.weights.tile16 import pack, unpack
from specs.schedules import activations as at
from tests.compiled import kept, sources
from tests.kernels import gguf_blocks
from tests.kernels.sets import flags

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "gcc -std=gnu11 -O2 -ffreestanding -fPIC -Wall -Wextra -Werror".split()


def aligned(shape, dtype, fill=0xA5) -> np.ndarray:
    """An array on a 64-byte boundary whose bytes are junk."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.full(size + 64, fill, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


class Library:
    """The kernels of one instruction set at the requested shapes."""

    def __init__(self, folder: Path, isa, requests: list[KernelRequest]):
        self.isa, self.kernels = isa, load_kernels(ROOT)
        texts: dict[str, str] = {}
        for output in outputs(requests, [isa]):
            text = render(output, environment())
            assert texts.setdefault(output.path, text) == text, f"two bodies {output.path}"
        files: dict[str, list[str]] = {}  # of each set that this one takes kernels from
        for each in resolve_all(requests, [isa]).values():
            files.setdefault(each.isa.name, []).append(each.file)
        commands = {
            level.name: [*COMMAND, *flags(level)] for level in isa.chain if level.name in files
        }

        def compiled(where: Path) -> Path:
            for path, text in texts.items():
                (where / path).parent.mkdir(parents=True, exist_ok=True)
                (where / path).write_text(text)
            for name, command in commands.items():
                source = where / f"{name}.c"
                source.write_text("".join(f'#include "{file}"\n' for file in files[name]))
                subprocess.run(
                    [*command, f"-I{where}", "-c", source, "-o", where / f"{name}.o"], check=True
                )
            objects, target = [where / f"{name}.o" for name in commands], where / "kernels.so"
            subprocess.run(["gcc", "-shared", *objects, "-o", target], check=True)
            return target

        parts = [
            sources("tests/emulated"),
            *texts.values(),
            *(part for command in commands.values() for part in command),
        ]
        self.library = ctypes.CDLL(str(kept(parts, compiled, folder / "kernels.so")))

    def call(self, request: KernelRequest, *arguments) -> None:
        """Arrays are passed by address, integers as size_t, real numbers as float."""
        function = getattr(self.library, resolve(self.kernels, request, self.isa).symbol)
        function.restype = None
        function(*map(_passed, arguments))

    def outputs(self, request: KernelRequest, rows: int) -> Outputs:
        """Memory for the y of a matrix kernel or of attention."""
        kernel = self.kernels[request.operation, request.type]
        columns = request.shape[0]
        if request.operation.startswith("attention"):
            columns *= request.shape[2]
        return Outputs(kernel.schedule(self.isa, request), rows, columns)

    def oracle(self, request: KernelRequest, values: dict, shapes: dict, only=None) -> dict:
        """The algorithm of the request's kernel, evaluated."""
        kernel = self.kernels[request.operation, request.type]
        return evaluate(kernel.read, {**kernel.dimensions(request), **values}, shapes, only)


def _passed(argument):
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    if argument is None:
        return ctypes.c_void_p()
    return (ctypes.c_float if isinstance(argument, float) else ctypes.c_size_t)(argument)


def packed(type_name: str, raw: np.ndarray) -> np.ndarray:
    """Packed weights on a 64-byte boundary."""
    data = np.frombuffer(pack(type_name, raw), np.uint8)
    out = aligned(data.shape, np.uint8)
    out[:] = data
    return out


@cache
def weights(type_name: str, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """A random packed matrix, the same for every set."""
    rng = np.random.default_rng((rows, columns, seed))
    return packed(type_name, gguf_blocks.matrix(type_name, rows, columns, rng))


def values_of(type_name: str, w: np.ndarray, rows: range, columns: int) -> np.ndarray:
    """The values of some of a packed matrix's rows, which begin and end with tiles."""
    size = layout_of(type_name).tile_bytes(columns)
    part = w[rows.start // 16 * size : rows.stop // 16 * size]
    return unpack(type_name, part.tobytes(), len(rows), columns)


def _field(blocks: np.ndarray, offset: int, dtype) -> np.ndarray:
    """A number of four bytes of each block."""
    return blocks[:, :, offset : offset + 4].copy().view(dtype)[:, :, 0]


def steps_of(library: Library, q: np.ndarray, columns: int) -> np.ndarray:
    """The value of one step of q in each block of rows that the set's own kernel quantised."""
    blocks = q[:, at.ROW_HEADER :].reshape(len(q), columns // 32, at.BLOCK_BYTES)
    if form_of(library) in ("bytes", "parts"):
        return _field(blocks, at.SCALE, np.float32).astype(np.float64)
    unit = q[:, :4].copy().view(np.float32).astype(np.float64)
    return unit * _field(blocks, at.LEVEL, np.int32)


def largest_quant(library: Library) -> int:
    """The magnitude that the largest value of a block gets."""
    largest = {"bytes": at.LARGEST_BYTES, "parts": at.LARGEST_PARTS}
    return largest.get(form_of(library), at.LARGEST)


def form_of(library: Library) -> str:
    """Which form of quantised activations a set has; see specs/schedules/activations.py."""
    forms = {"avx2": "bytes", "ssse3": "parts", "word64": "words", "word32": "words"}
    return next((forms[isa.name] for isa in library.isa.chain if isa.name in forms), "pairs")


def _bytes_at(blocks: np.ndarray, place: int, count: int) -> np.ndarray:
    """Signed bytes of each block."""
    return blocks[:, :, place : place + count].view(np.int8).astype(np.int64)


def least_steps(library: Library, x: np.ndarray) -> np.ndarray:
    """The least step of each block with which all its values can be told."""
    fours = np.sort(np.abs(x.reshape(len(x), -1, 8, 4)).max(axis=3), axis=2)
    if form_of(library) == "bytes":
        return np.maximum(fours[..., -2] / at.LARGEST_LOW, fours[..., -1] / at.LARGEST_BYTES)
    return fours[..., -1] / largest_quant(library)


def _quants_of(library: Library, blocks: np.ndarray) -> np.ndarray:
    """The integers of each block, in order."""
    form = form_of(library)
    if form == "bytes":
        return 128 * _bytes_at(blocks, at.HIGHS, 32) + _bytes_at(blocks, at.LOWS, 32)
    if form == "parts":
        both, first, second = (
            _bytes_at(blocks, place, 16) for place in (at.BOTH, at.FIRST, at.SECOND)
        )
        return np.concatenate([both + 8 * first, 16 * both + second], axis=2)
    words = blocks[:, :, :64].copy().view(np.int32)
    low = words << 16 >> 16
    first, third = low, words >> 16
    if form == "words":
        first, third = words - low >> 16, low
    pairs = np.stack([first, third], axis=2).reshape(len(blocks), -1, 2, 8, 2)
    return pairs.transpose(0, 1, 3, 2, 4).reshape(*blocks.shape[:2], 32)


def decoded(library: Library, q: np.ndarray, columns: int) -> np.ndarray:
    """What rows stand for that the set's own kernel quantised, float64."""
    if library.isa.tiles:
        bits = np.ascontiguousarray(q[:, : 2 * columns]).view(np.uint16)
        return bf16_values(bits).astype(np.float64)
    blocks = q[:, at.ROW_HEADER :].reshape(len(q), columns // 32, at.BLOCK_BYTES)
    steps = steps_of(library, q, columns)[:, :, None]
    return (steps * _quants_of(library, blocks)).reshape(len(q), columns)


def quantized(library: Library, x: np.ndarray) -> np.ndarray:
    """Rows quantised by the set's own kernel, with junk beyond the last."""
    rows, columns = x.shape
    q = aligned((rows, quantized_bytes(columns)), np.uint8)
    library.call(KernelRequest("quantize", "f32", (columns,)), rows, x, q)
    return q


class Outputs:
    """Memory for y with a row of junk behind, and its elements as `cells`: floats, or bfloat16 bits
    where the schedule leaves it quantised."""

    def __init__(self, schedule: Schedule, rows: int, outputs: int):
        self.quantised = schedule.quantizes
        if self.quantised:
            self.memory = aligned((rows + 1, quantized_bytes(outputs)), np.uint8)
            self.cells = self.memory[:, : 2 * outputs].view(np.uint16)
        else:
            self.memory = self.cells = aligned((rows + 1, outputs), np.float32)

    @property
    def values(self) -> np.ndarray:
        """The rows as numbers."""
        return bf16_values(self.cells[:-1]) if self.quantised else self.cells[:-1]

    def only_wrote(self, before: np.ndarray, inside) -> bool:
        """Whether nothing but `inside` differs from the memory as it was before."""
        wide = 2 * self.cells.shape[1] if self.quantised else None
        after = self.memory.copy()
        cells, old = (each[:, :wide].view(self.cells.dtype) for each in (after, before))
        cells[inside] = old[inside]
        return np.array_equal(after.view(np.uint8), before.view(np.uint8))
