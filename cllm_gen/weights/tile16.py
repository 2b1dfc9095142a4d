"""Matrices of a GGUF file packed into tiles and read back; schedule/weight_layout.py says what lies where."""

from __future__ import annotations

import numpy as np

from cllm_gen.schedule.weight_layout import (
    BLOCK,
    BOUND_BYTES,
    LAYOUTS,
    TILE_ROWS,
    layout_of,
    stored_type,
)
from cllm_gen.weights.quants import Quants, read

_FLOATS = {"f16": "<f2", "bf16": "<u2", "f32": "<f4"}
_TOGETHER = {"f16": 1, "bf16": 2, "f32": 1}  # neighbours of a row that stay side by side
_NIBBLES = ("q4_1", "q5_1", "q4_k", "q5_k")
_FIFTH = ("q5_1", "q5_k")


def pack(type_name: str, raw: np.ndarray) -> bytes:
    """A file's matrix (rows, bytes of a row). Raises ValueError for a shape that is not whole tiles
    and for scales that are not finite or, of q4_0 and q5_0, too large for their minima."""
    if type_name in _FLOATS:
        return _pack_floats(type_name, raw)
    quants = read(type_name, raw)
    rows, blocks, _ = quants.q.shape
    stored, layout = stored_type(type_name), layout_of(type_name)
    size = layout.bytes(rows, blocks * BLOCK)
    tiles, columns = rows // TILE_ROWS, blocks * BLOCK
    data = np.zeros((tiles, layout.tile_bytes(columns)), np.uint8)
    bounds_at = layout.bounds_at(columns)
    whole = data[:, : blocks * layout.block_bytes].reshape(tiles, blocks, layout.block_bytes)
    whole[..., : layout.quant_bytes] = _vectors(stored, quants.q).reshape(tiles, blocks, -1)
    records = _records(quants, "<f2" if layout.record_bytes <= 64 else "<f4", type_name)
    whole[..., layout.quant_bytes :] = records.reshape(tiles, blocks, -1)
    data[:, : blocks * layout.block_bytes] = whole.reshape(tiles, -1)
    data[:, bounds_at : bounds_at + BOUND_BYTES] = _bounds(quants).reshape(tiles, -1).view(np.uint8)
    assert data.size == size
    return data.tobytes()


def unpack(type_name: str, packed: bytes, rows: int, columns: int) -> np.ndarray:
    """The values of a packed matrix, float32; the type may be a file's or a stored one."""
    stored, layout = stored_type(type_name), layout_of(type_name)
    tiles, blocks = rows // TILE_ROWS, columns // BLOCK
    data = np.frombuffer(packed, np.uint8).reshape(tiles, layout.tile_bytes(columns))
    if stored in _FLOATS:
        return _unpack_floats(stored, data, rows, columns)
    whole = data[:, : blocks * layout.block_bytes].reshape(tiles, blocks, layout.block_bytes)
    quants, records = whole[..., : layout.quant_bytes], whole[..., layout.quant_bytes :]
    scales = np.ascontiguousarray(records).view("<f2" if layout.record_bytes <= 64 else "<f4")
    scales = scales.reshape(tiles, blocks, -1, TILE_ROWS).transpose(0, 3, 1, 2)
    scales = scales.reshape(rows, blocks, -1).astype(np.float32)
    q = _from_vectors(stored, quants).reshape(rows, blocks, BLOCK)
    if stored in _NIBBLES:
        return Quants(q, scales[..., :1], scales[..., 1:]).values()
    return Quants(q, scales, None).values()


def bounds(type_name: str, packed: bytes, rows: int, columns: int) -> np.ndarray:
    """The bound of each row of a packed matrix."""
    layout = layout_of(type_name)
    data = np.frombuffer(packed, np.uint8).reshape(rows // TILE_ROWS, -1)
    start = layout.bounds_at(columns)
    return np.ascontiguousarray(data[:, start : start + BOUND_BYTES]).view("<f4").reshape(rows)


def _vectors(stored: str, q: np.ndarray) -> np.ndarray:
    """Integers (rows, blocks, 32) as the bytes of each tile's blocks: (tiles, blocks, bytes)."""
    rows, blocks, _ = q.shape
    tiles = rows // TILE_ROWS
    order = q.view(np.uint8).reshape(tiles, TILE_ROWS, blocks, 8, 4).transpose(0, 2, 3, 1, 4)
    order = np.ascontiguousarray(order)  # tile, block, v, row, j
    if stored not in _NIBBLES:
        return order.reshape(tiles, blocks, -1)
    nibbles = order[:, :, :4] & 15 | (order[:, :, 4:] & 15) << 4
    parts: list[np.ndarray] = [nibbles.reshape(tiles, blocks, -1)]
    if stored in _FIFTH:
        bits = (order >> 4).reshape(tiles, blocks, 8, -1).swapaxes(2, 3)
        parts.append(np.packbits(bits, axis=3, bitorder="little").reshape(tiles, blocks, -1))
    return np.concatenate(parts, axis=2)


def _from_vectors(stored: str, data: np.ndarray) -> np.ndarray:
    """What _vectors did, undone: (tiles, 16, blocks, 32)."""
    tiles, blocks, _ = data.shape
    if stored in _NIBBLES:
        nibbles = data[:, :, :256].reshape(tiles, blocks, 4, TILE_ROWS, 4)
        order = np.concatenate([nibbles & 15, nibbles >> 4], axis=2)
        if stored in _FIFTH:
            bits = np.unpackbits(data[:, :, 256:, None], axis=3, bitorder="little")
            order = order | bits.swapaxes(2, 3).reshape(order.shape) << 4
    else:
        order = data.view(np.int8).reshape(tiles, blocks, 8, TILE_ROWS, 4)
    return np.ascontiguousarray(order.transpose(0, 3, 1, 2, 4))


def _records(quants: Quants, kind: str, type_name: str) -> np.ndarray:
    """Scales and minima as the bytes of each tile's records: (tiles, bytes)."""
    terms = [quants.d] if quants.m is None else [quants.d, quants.m]
    scales = np.concatenate(terms, axis=2)
    if not np.isfinite(scales).all():
        raise ValueError("a block has a scale that is not a finite number")
    with np.errstate(over="ignore"):
        stored = scales.astype(kind)
    if not np.array_equal(stored.astype(np.float32), scales):
        raise ValueError(
            f"a block of {type_name} has a scale of {np.abs(quants.d).max():g}: "
            f"its minimum, {np.abs(scales).max():g}, is beyond a f16"
        )
    rows, blocks, count = stored.shape
    tiled = stored.reshape(-1, TILE_ROWS, blocks, count).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(tiled).reshape(rows // TILE_ROWS, -1).view(np.uint8)


def _bounds(quants: Quants) -> np.ndarray:
    """For each row the least power of two that no scale or minimum exceeds; 0 where all are 0. Its
    sign is minus where the row is not plain, which a row of zeros is not."""
    terms = [quants.d] if quants.m is None else [quants.d, -quants.m]
    largest = np.max([np.abs(term).max(axis=(1, 2)) for term in terms], axis=0)
    fraction, exponent = np.frexp(largest)
    powers = np.where(largest > 0, np.ldexp(1.0, exponent - (fraction == 0.5)), 0)
    least = np.min([term.min(axis=(1, 2)) for term in terms], axis=0)
    plain = (least >= 2.0**-14) & (powers <= 2.0**11)
    return np.where(plain, powers, -powers).astype("<f4")


def _pack_floats(type_name: str, raw: np.ndarray) -> bytes:
    elements = np.ascontiguousarray(raw).view(_FLOATS[type_name])
    if not np.isfinite(_widened(type_name, elements)).all():
        raise ValueError("a value is not a finite number")
    rows, columns = elements.shape
    LAYOUTS[type_name].bytes(rows, columns)
    together = _TOGETHER[type_name]
    tiles = elements.reshape(rows // TILE_ROWS, TILE_ROWS, columns // together, together)
    return np.ascontiguousarray(tiles.swapaxes(1, 2)).tobytes()


def _unpack_floats(type_name: str, data: np.ndarray, rows: int, columns: int) -> np.ndarray:
    together = _TOGETHER[type_name]
    tiles = data.view(_FLOATS[type_name]).reshape(-1, columns // together, TILE_ROWS, together)
    return _widened(type_name, np.ascontiguousarray(tiles.swapaxes(1, 2))).reshape(rows, columns)


def _widened(type_name: str, elements: np.ndarray) -> np.ndarray:
    """Stored elements as float32."""
    if type_name == "bf16":
        return (elements.astype(np.uint32) << 16).view(np.float32)
    return elements.astype(np.float32)
