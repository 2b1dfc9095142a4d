"""Blocks of GGUF's quantised types, taken apart without rounding: integers, and the scales and
minima that turn them into values.

A block of the K types is 256 values: a f16 scale (and one for the minima) over eight or sixteen
smaller ones of six or eight bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 32


@dataclass(frozen=True)
class Quants:
    """A matrix as value = d * q + m, all (rows, blocks of 32, ...).

    q  (..., 32) int8 or uint8
    d  (..., 1) or (..., 2) float32: for the block, or for each half of it
    m  like d, or None where a type has no minima
    """

    q: np.ndarray
    d: np.ndarray
    m: np.ndarray | None

    def values(self) -> np.ndarray:
        """The matrix (rows, columns), float32, rounded once."""
        rows, blocks, _ = self.q.shape
        halves = self.d.shape[2]
        q = self.q.reshape(rows, blocks, halves, -1).astype(np.float64)
        found = self.d[..., None].astype(np.float64) * q
        if self.m is not None:
            found += self.m[..., None].astype(np.float64)
        return found.reshape(rows, -1).astype(np.float32)


def read(type_name: str, raw: np.ndarray) -> Quants:
    """The bytes (rows, bytes of a row) of a quantised type of GGUF."""
    size, reader = _TYPES[type_name]
    rows = raw.shape[0]
    blocks = np.ascontiguousarray(raw).reshape(rows, -1, size)
    with np.errstate(
        invalid="ignore", over="ignore"
    ):  # scales that are not finite are refused later
        return reader(blocks)


def _half(blocks: np.ndarray, start: int) -> np.ndarray:
    """The f16 at byte `start` of every block."""
    return np.ascontiguousarray(blocks[..., start : start + 2]).view("<f2").astype(np.float32)


def _nibbles(data: np.ndarray) -> np.ndarray:
    """Low halves of all bytes, then the high ones."""
    return np.concatenate([data & 15, data >> 4], axis=-1)


def _fifth(data: np.ndarray) -> np.ndarray:
    """32 bits of 4 bytes as 16 or 0 each."""
    return np.unpackbits(data, axis=-1, bitorder="little") << 4


def _q4_0(blocks: np.ndarray) -> Quants:
    d = _half(blocks, 0)
    return Quants(_nibbles(blocks[..., 2:]), d, -8 * d)


def _q4_1(blocks: np.ndarray) -> Quants:
    return Quants(_nibbles(blocks[..., 4:]), _half(blocks, 0), _half(blocks, 2))


def _q5_0(blocks: np.ndarray) -> Quants:
    d = _half(blocks, 0)
    return Quants(_nibbles(blocks[..., 6:]) | _fifth(blocks[..., 2:6]), d, -16 * d)


def _q5_1(blocks: np.ndarray) -> Quants:
    q = _nibbles(blocks[..., 8:]) | _fifth(blocks[..., 4:8])
    return Quants(q, _half(blocks, 0), _half(blocks, 2))


def _q8_0(blocks: np.ndarray) -> Quants:
    return Quants(np.ascontiguousarray(blocks[..., 2:]).view(np.int8), _half(blocks, 0), None)


def _sixes(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight scales and eight minima of six bits from 12 bytes: four of each in whole bytes, and in
    their two high bits what the other four lack beside their nibbles."""
    low, middle, rest = blocks[..., :4], blocks[..., 4:8], blocks[..., 8:]
    scales = np.concatenate([low & 63, rest & 15 | low >> 6 << 4], axis=-1)
    minima = np.concatenate([middle & 63, rest >> 4 | middle >> 6 << 4], axis=-1)
    return scales, minima


def _scaled(blocks: np.ndarray, q: np.ndarray) -> Quants:
    """Q4_K and Q5_K from their first 16 bytes and their integers (..., 256)."""
    rows = len(blocks)
    scales, minima = _sixes(blocks[..., 4:16])
    d, m = _half(blocks, 0) * scales, -_half(blocks, 2) * minima
    return Quants(q.reshape(rows, -1, BLOCK), d.reshape(rows, -1, 1), m.reshape(rows, -1, 1))


def _q4_k(blocks: np.ndarray) -> Quants:
    """Each 32 bytes are two blocks of 32: low halves, then high ones."""
    return _scaled(blocks, _nibbles(blocks[..., 16:].reshape(*blocks.shape[:2], 4, 32)))


def _q5_k(blocks: np.ndarray) -> Quants:
    """As Q4_K; bit i of byte j of the 32 in front belongs to value j of block i."""
    nibbles = _nibbles(blocks[..., 48:].reshape(*blocks.shape[:2], 4, 32))
    bits = blocks[..., None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    return _scaled(blocks, nibbles.reshape(bits.shape) | bits << 4)


def _q6_k(blocks: np.ndarray) -> Quants:
    """For each half of 128 values, 64 bytes of low nibbles and 32 bytes of two bits each."""
    shape = blocks.shape[:2]
    low = _nibbles(blocks[..., :128].reshape(*shape, 2, 64)).reshape(*shape, 2, 4, 32)
    high = blocks[..., 128:192].reshape(*shape, 2, 1, 32)
    high = high >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3
    q = (low | high << 4).astype(np.int8) - 32
    scales = np.ascontiguousarray(blocks[..., 192:208]).view(np.int8)
    d = _half(blocks, 208) * scales
    return Quants(q.reshape(shape[0], -1, BLOCK), d.reshape(shape[0], -1, 2), None)


_TYPES = {  # bytes of a block in the file
    "q4_0": (18, _q4_0),
    "q4_1": (20, _q4_1),
    "q5_0": (22, _q5_0),
    "q5_1": (24, _q5_1),
    "q8_0": (34, _q8_0),
    "q4_k": (144, _q4_k),
    "q5_k": (176, _q5_k),
    "q6_k": (210, _q6_k),
}
