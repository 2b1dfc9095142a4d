"""Weights as the generated matrix kernels read them, layout "tile16": the same for every instruction
set, and exact: a packed matrix has the values of its file, bit for bit.

A matrix of N x K (N a multiple of 16, K of 32) is N/16 tiles. A tile is the quants of its K/32
blocks, block after block; then the scale records of its K/32 blocks; then, at the next multiple of
64 bytes, a bound for each row: f32 [16], a power of two not less than the largest |d| or |m| of the
row (for sets that compute in integers). The tile ends at a multiple of 64 bytes.

Quants of a block, row r of the tile, vectors of 64 bytes numbered v:
    nibbles, 256 bytes   byte v*64 + r*4 + j: low half q[r][4v+j], high half q[r][16+4v+j]; v < 4
    fifth bits, 64 bytes (behind the nibbles)   bit v of byte r*4 + j: bit 4 of q[r][4v+j]; v < 8
    bytes, 512 bytes     byte v*64 + r*4 + j: q[r][4v+j]; v < 8

    type    quants             record of a block      value    bits a weight (in the file)
    q4_1    nibbles            f16 d[16], m[16]       d*q + m  5.0   (5.0)
    q4_0    as q4_1, m = -8d                                   5.0   (4.5)
    q5_1    nibbles and fifth  f16 d[16], m[16]       d*q + m  6.0   (6.0)
    q5_0    as q5_1, m = -16d                                  6.0   (5.5)
    q8_0    signed bytes       f16 d[16]              d*q      8.5   (8.5)
    q4_k    nibbles            f32 d[16], m[16]       d*q + m  6.0   (4.5)
    q5_k    nibbles and fifth  f32 d[16], m[16]       d*q + m  7.0   (5.5)
    q6_k    signed bytes       f32 d[2][16]           d*q     10.0   (6.6)
    f16, bf16, f32: no records and no bounds; element k*16 + r is w[r][k].

q6_k has a scale for each half of a block. Scales of the K types are products (a f16 by six or eight
bits) that need 17 to 19 bits: f32 holds them whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TILE_ROWS = 16
BLOCK = 32
ALIGNMENT = 64
BOUND_BYTES = 4 * TILE_ROWS


@dataclass(frozen=True)
class Layout:
    """How one type lies in a tile; all figures are of 16 rows.

    quant_bytes   of a block's quants, fifth bits included
    record_bytes  of a block's scales and minima; 0: the elements are floats
    columns       K is a multiple of it
    """

    name: str
    quant_bytes: int
    record_bytes: int
    columns: int = BLOCK

    @property
    def is_float(self) -> bool:
        return self.record_bytes == 0

    def records_at(self, columns: int) -> int:
        """Offset in a tile of the first record; a block's is `record_bytes` behind the last one's."""
        return columns // BLOCK * self.quant_bytes

    def bounds_at(self, columns: int) -> int:
        """Offset in a tile of the rows' bounds."""
        return _aligned(columns // BLOCK * (self.quant_bytes + self.record_bytes))

    def tile_bytes(self, columns: int) -> int:
        """Bytes of one tile of rows of `columns` values."""
        return self.bounds_at(columns) + (0 if self.is_float else BOUND_BYTES)

    def bytes(self, rows: int, columns: int) -> int:
        """Bytes of a whole matrix. Raises ValueError unless it is a whole number of tiles."""
        if rows % TILE_ROWS or columns % self.columns:
            raise ValueError(
                f"{rows}x{columns} is not a whole number of {TILE_ROWS}x{self.columns} tiles"
            )
        return rows // TILE_ROWS * self.tile_bytes(columns)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("q4_1", 256, 64),
        Layout("q5_1", 320, 64),
        Layout("q8_0", 512, 32),
        Layout("q4_k", 256, 128, 256),
        Layout("q5_k", 320, 128, 256),
        Layout("q6_k", 512, 128, 256),
        Layout("f16", 1024, 0),
        Layout("bf16", 1024, 0),
        Layout("f32", 2048, 0),
    )
}
_STORED = {"q4_0": "q4_1", "q5_0": "q5_1"}


def stored_type(type_name: str) -> str:
    """The type as which kernels see a file's type."""
    return _STORED.get(type_name, type_name)


def layout_of(type_name: str) -> Layout:
    """The layout of a file's type."""
    return LAYOUTS[stored_type(type_name)]


# Below: the layout that kernels read until their schedules are ported to the one above.
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
