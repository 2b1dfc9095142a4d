"""Weights as the generated matrix kernels read them, layout "tile16": the same for every instruction
set, and exact: a packed matrix has the values of its file, bit for bit.

A matrix of N x K (N a multiple of 16, K of 32; a vocabulary of another N has rows of zeros behind its
last) is N/16 tiles. A tile is its K/32 blocks, of each its quants and behind them its record of
scales: memory is read fastest from one place on. Then, at the next multiple of 64 bytes, comes a bound for each row: f32 [16], the least power of two not less than the largest |d| or |m|
of the row (0 if all are 0), for sets that compute in integers; its sign is minus unless the row is
plain: no d negative, no m positive, none below the least normal half, 2^-14, in magnitude, and the
bound not above 2^11. The tile ends at a multiple of 64 bytes.

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
    f16, f32: no records and no bounds; element k*16 + r is w[r][k].
    bf16: the same in pairs, as bfloat16 products take them; element k//2*32 + r*2 + k%2 is w[r][k].

q6_k has a scale for each half of a block. Scales of the K types are products (a f16 by six or eight
bits) that need 17 to 19 bits: f32 holds them whole.
"""

from __future__ import annotations

from dataclasses import dataclass

MEANING = __doc__
"""Part of every image's fingerprint: code and image must come from the same statement."""
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

    @property
    def block_bytes(self) -> int:
        """From one block of a tile to the next; its record is `quant_bytes` behind its begin."""
        return self.quant_bytes + self.record_bytes

    def bounds_at(self, columns: int) -> int:
        """Offset in a tile of the rows' bounds."""
        return _aligned(columns // BLOCK * self.block_bytes)

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


def whole_tiles(rows: int) -> int:
    """Rows of the whole tiles that hold so many."""
    return -(-rows // TILE_ROWS) * TILE_ROWS


def packed_bytes(type_name: str, rows: int, columns: int) -> int:
    """Bytes of a matrix of a file's type as it is packed. Raises ValueError unless it is a whole
    number of tiles."""
    return layout_of(type_name).bytes(rows, columns)
