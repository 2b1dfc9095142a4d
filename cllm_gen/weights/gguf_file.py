"""Reads a GGUF file without trusting it: every count and length is checked against the bytes that
are there, and whatever is wrong becomes a ModelFileError that says what and where.

Layout (GGUF v2 and v3, little-endian): magic, version, tensor count, metadata count, metadata,
tensor descriptions, padding, tensor data.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from cllm_gen.weights.errors import ModelFileError

_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_NESTING = 4  # arrays inside arrays; real files have none
_DIMENSIONS = 4


@dataclass(frozen=True)
class TensorInfo:
    """One tensor. `shape` is (outputs, inputs) or (width,): the reverse of GGUF's order."""

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int
    size: int
    file: GgufFile

    def raw(self) -> np.ndarray:
        """The stored bytes as (rows, bytes of a row)."""
        data = np.frombuffer(self.file.data, np.uint8, self.size, self.offset)
        return data.reshape(self.shape[0], -1) if len(self.shape) > 1 else data.reshape(1, -1)

    def values(self) -> np.ndarray:
        """Dequantised, as float32."""
        from gguf.quants import dequantize

        values = dequantize(self.raw(), GGMLQuantizationType[self.type.upper()])
        return values.reshape(self.shape).astype(np.float32)


class GgufFile:
    """Metadata and tensor descriptions of one file; tensor data stays mapped."""

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            with open(self.path, "rb") as stream:
                self.data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{self.path.name}: cannot be read: {error}") from None
        self._at = 0
        self._read()

    def _read(self) -> None:
        magic = self._bytes(4, "the magic")
        if magic != b"GGUF":
            raise self._error(f"the file begins with {magic!r}, not with b'GGUF'")
        version = self._number("I", "the version")
        if version not in (2, 3):
            raise self._error(f"GGUF version {version}; versions 2 and 3 are read")
        tensors = self._count(24, "tensors")
        fields = self._count(13, "metadata fields")
        self.metadata: dict[str, Any] = {}
        for _ in range(fields):
            key = self._string("a metadata key")
            self.metadata[key] = self._value(self._number("I", f"the type of {key}"), key, 0)
        descriptions = [self._description() for _ in range(tensors)]
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
            raise self._error(f"general.alignment is {alignment!r}, not a power of two")
        start = -(-self._at // alignment) * alignment
        self.tensors: dict[str, TensorInfo] = {}
        for name, kind, shape, offset in descriptions:
            if name in self.tensors:
                raise self._error(f"two tensors are called {name!r}")
            self.tensors[name] = self._tensor(name, kind, shape, start + offset)

    def _tensor(self, name: str, kind: int, shape: tuple[int, ...], offset: int) -> TensorInfo:
        try:
            code = GGMLQuantizationType(kind)
        except ValueError:
            raise self._error(
                f"tensor {name!r} has type number {kind}, which GGUF does not define"
            ) from None
        values, size = GGML_QUANT_SIZES[code]
        if shape[-1] % values:
            raise self._error(
                f"tensor {name!r} has rows of {shape[-1]} values; {code.name} needs a multiple of {values}"
            )
        total = prod(shape) // values * size
        if offset + total > len(self.data):
            raise self._error(
                f"tensor {name!r} needs bytes {offset} to {offset + total}, but the file ends at {len(self.data)}"
            )
        return TensorInfo(name, code.name.lower(), shape, offset, total, self)

    def _description(self) -> tuple[str, int, tuple[int, ...], int]:
        name = self._string("a tensor name")
        dimensions = self._number("I", f"the dimensions of {name!r}")
        if not 1 <= dimensions <= _DIMENSIONS:
            raise self._error(f"tensor {name!r} has {dimensions} dimensions")
        shape = tuple(self._number("Q", f"the shape of {name!r}") for _ in range(dimensions))
        if 0 in shape or prod(shape) > 8 * len(self.data):
            raise self._error(f"tensor {name!r} has shape {shape}, more than the file can hold")
        return (
            name,
            self._number("I", f"the type of {name!r}"),
            shape[::-1],
            self._number("Q", f"the place of {name!r}"),
        )

    def _value(self, kind: int, key: str, depth: int) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind], key)
        if kind == _STRING:
            return self._string(key)
        if kind != _ARRAY or depth >= _NESTING:
            raise self._error(f"{key} has value type {kind} at depth {depth}, which is not read")
        kind = self._number("I", f"the element type of {key}")
        if kind in _SCALARS:
            code = _SCALARS[kind]
            size = struct.calcsize("<" + code)
            count = self._count(size, f"elements of {key}")
            return list(struct.unpack(f"<{count}{code}", self._bytes(count * size, key)))
        count = self._count(8, f"elements of {key}")
        return [self._value(kind, key, depth + 1) for _ in range(count)]

    def _string(self, what: str) -> str:
        raw = self._bytes(self._count(1, f"bytes of {what}"), what)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self._error(f"{what} is not UTF-8: {raw[:40]!r}") from None

    def _count(self, size: int, what: str) -> int:
        """A count of things of at least `size` bytes each, which must fit in what is left."""
        count = self._number("Q", f"the number of {what}")
        if count * size > len(self.data) - self._at:
            raise self._error(
                f"{count} {what} cannot fit in the {len(self.data) - self._at} bytes that are left"
            )
        return count

    def _number(self, code: str, what: str) -> Any:
        size = struct.calcsize("<" + code)
        return struct.unpack("<" + code, self._bytes(size, what))[0]

    def _bytes(self, count: int, what: str) -> bytes:
        if count > len(self.data) - self._at:
            raise self._error(f"the file ends inside {what}")
        self._at += count
        return self.data[self._at - count : self._at]

    def _error(self, text: str) -> ModelFileError:
        return ModelFileError(f"{self.path.name}: at byte {self._at}: {text}")
