"""Weights as the generated matrix kernels read them, layout "tile16", the same for every set.

A matrix of N x K (N a multiple of 16, K of 32) is N/16 tiles; a tile is its K/32 blocks and then 16
f32 row scales. Scales of blocks are integers in units of their row's scale, a power of two, so that
kernels may stay in integers through a whole row; f16 scales keep all their bits unless they are
far smaller than their row's largest.

    q4_1, 320 bytes a block   value = scale * (D * (q - 8) + M)
        4 vectors v of 64 bytes: byte v*64 + r*4 + j holds q[16t+r][32b+4v+j] in its low half and
        q[16t+r][32b+16+4v+j] in its high half; then for each row i16 M and i16 D.
    q8_0, 576 bytes a block   value = scale * D * q
        8 vectors v of 64 bytes: byte v*64 + r*4 + j is q[16t+r][32b+4v+j]; then for each row i32 D.
"""

from __future__ import annotations

import numpy as np

TILE_ROWS = 16
BLOCK = 32
BLOCK_BYTES = {"q4_1": 320, "q8_0": 576}
SCALE_BYTES = 4 * TILE_ROWS
_FILE_BYTES = {"q4_1": 20, "q8_0": 34}
_LIMIT = {"q4_1": 2**15 - 1, "q8_0": 2**24 - 1}


def tile_bytes(type_name: str, columns: int) -> int:
    """Bytes of one tile: its blocks and its row scales."""
    return columns // BLOCK * BLOCK_BYTES[type_name] + SCALE_BYTES


def packed_bytes(type_name: str, rows: int, columns: int) -> int:
    """Bytes of a whole matrix."""
    if rows % TILE_ROWS or columns % BLOCK:
        raise ValueError(f"{rows}x{columns} is not a whole number of {TILE_ROWS}x{BLOCK} tiles")
    return rows // TILE_ROWS * tile_bytes(type_name, columns)


def _halves(raw: np.ndarray, start: int) -> np.ndarray:
    """The f16 at byte `start` of every block, as float64."""
    return raw[:, :, start : start + 2].copy().view("<f2")[:, :, 0].astype(np.float64)


def _integers(type_name: str, *terms: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Row scales (powers of two) and the terms as integers in their units."""
    largest = np.maximum.reduce([np.abs(term).max(axis=1) for term in terms])
    safe = np.where(largest > 0, largest, 1.0)
    scale = 2.0 ** np.ceil(np.log2(safe / _LIMIT[type_name]))
    scale = np.where(np.rint(safe / scale) > _LIMIT[type_name], scale * 2, scale)
    return scale.astype("<f4"), [np.rint(term / scale[:, None]).astype(np.int64) for term in terms]


def pack_tile16(type_name: str, raw: np.ndarray) -> bytes:
    """GGUF blocks (rows, bytes a row) of a q4_1 or q8_0 matrix, packed."""
    rows, row_bytes = raw.shape
    blocks = row_bytes // _FILE_BYTES[type_name]
    packed_bytes(type_name, rows, blocks * BLOCK)
    raw = np.ascontiguousarray(raw).reshape(rows, blocks, _FILE_BYTES[type_name])
    tiles = rows // TILE_ROWS
    d = _halves(raw, 0)
    if type_name == "q4_1":
        scale, (whole_d, whole_m) = _integers(type_name, d, _halves(raw, 2) + 8 * d)
        quants = raw[:, :, 4:].reshape(tiles, TILE_ROWS, blocks, 4, 4)
        pairs = np.stack([whole_m, whole_d], axis=-1).astype("<i2").view(np.uint8)
        integers = pairs.reshape(tiles, TILE_ROWS, blocks, 4)
    else:
        scale, (whole_d,) = _integers(type_name, d)
        quants = raw[:, :, 2:].reshape(tiles, TILE_ROWS, blocks, 8, 4)
        integers = (
            whole_d.astype("<i4")[..., None].view(np.uint8).reshape(tiles, TILE_ROWS, blocks, 4)
        )
    vectors = quants.transpose(0, 2, 3, 1, 4).reshape(tiles, blocks, -1)
    ends = integers.transpose(0, 2, 1, 3).reshape(tiles, blocks, -1)
    body = np.concatenate([vectors, ends], axis=2).reshape(tiles, -1)
    scales = scale.reshape(tiles, TILE_ROWS).view(np.uint8).reshape(tiles, -1)
    return np.concatenate([body, scales], axis=1).tobytes()


def unpack_tile16(type_name: str, packed: bytes, rows: int, columns: int) -> np.ndarray:
    """The values of a packed matrix, float64: what kernels compute with."""
    tiles, blocks = rows // TILE_ROWS, columns // BLOCK
    data = np.frombuffer(packed, np.uint8).reshape(tiles, tile_bytes(type_name, columns))
    scale = data[:, -SCALE_BYTES:].copy().view("<f4").astype(np.float64).reshape(rows, 1, 1)
    body = data[:, :-SCALE_BYTES].reshape(tiles, blocks, BLOCK_BYTES[type_name])
    vectors = body[:, :, :-64].reshape(tiles, blocks, -1, TILE_ROWS, 4).transpose(0, 3, 1, 2, 4)
    ends = body[:, :, -64:].copy()
    vectors = vectors.reshape(rows, blocks, -1)
    if type_name == "q4_1":
        pairs = ends.view("<i2").reshape(tiles, blocks, TILE_ROWS, 2).transpose(0, 2, 1, 3)
        pairs = pairs.reshape(rows, blocks, 2).astype(np.float64)
        q = np.concatenate([vectors & 15, vectors >> 4], axis=2).astype(np.float64)
        values = scale * (pairs[:, :, 1:] * (q - 8) + pairs[:, :, :1])
    else:
        whole = ends.view("<i4").reshape(tiles, blocks, TILE_ROWS).transpose(0, 2, 1)
        values = scale * whole.reshape(rows, blocks, 1) * vectors.view(np.int8).astype(np.float64)
    return values.reshape(rows, columns)
