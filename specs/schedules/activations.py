"""Quantised activations: what `quantize` leaves for the matrix kernels of the same instruction set.

A row is 64 bytes, then 128 bytes for each block of 32 values. There are four forms; offsets below
are within a block.

PAIRS and WORDS: the row begins with f32 `unit`. A value is unit * level * q with one integer level
from 1 to 1023 a block and q of ten bits, so that a kernel may sum whole rows in integers.
BYTES: a value is scale * (128 * high + low) with a float scale a block and signed bytes. Only the four
values of a block that have its largest among them have high bytes: the scale is that of the others,
which take one byte whatever the largest is. One byte alone, scaled by the largest of 32, would move one
greedy token in thirty; with the four apart it is one in seventy.
PARTS: a value is scale * q with a float scale a block and q of ten bits, which lies in signed bytes,
three for two values: q[i] = both[i] + 8 * first[i], q[16 + i] = 16 * both[i] + second[i].
"""

from cllm_gen.schedule import quantized_rows

ROW_HEADER, BLOCK_BYTES = quantized_rows.ROW_HEADER, quantized_rows.BLOCK_BYTES
quantized_bytes = quantized_rows.quantized_bytes

LEVELS = 1022
LARGEST = 511  # of q: eight products with quants from -8 to 7 fit 16 bits

SCALE = 64  # f32 unit * level
SUM = 68  # i32 sum(q)
LEVEL = 72  # i32
LEVEL_SUM = 76  # i32 level * sum(q)
SCALE_SUM = 80  # f32 unit * level * sum(q)
PAIRS = 0  # for v < 8: i16 q[4v], q[4v+2], q[4v+1], q[4v+3]
WORDS = 0  # for v < 8: i32 q[4v+2] + 65536 * q[4v], i32 q[4v+3] + 65536 * q[4v+1]
"""PAIRS and WORDS share their place: an instruction set uses one of them."""
STARTS = 96  # with WORDS, for v < 4: u64 0x8000800080008000 - 0x0008000800080008 * x,
"""x the sum of the words v and v + 4; see matmul_words.py."""

LOWS = 0  # BYTES: i8 low[32]
HIGHS = 32  # BYTES: i8 high[32], zeros but for four
START = 72  # BYTES: i32 -128 * sum(128 * high + low), where others have LEVEL
PEAK = 76  # BYTES: i32 which four have high bytes, 0 to 7
START_OF_HALVES = 88  # BYTES: START of the block's first 16, and of the others
LARGEST_LOW = 126  # of a value without a high byte, in units of the scale
"""127 would fit. With it a near tie of SmolLM2's first words (0.08 nats) falls the other way with AVX2,
with 125 on AVX-512."""
LARGEST_BYTES = 127 * 128  # of a value with one

LARGEST_PARTS = 508  # of q
BOTH = 0  # PARTS: i8 both[16], and the same once more
FIRST = 32  # PARTS: i8 first[16]
SECOND = 48  # PARTS: i8 second[16]


def given_row(p, K, r):
    """The floats that become row r, where they are a kernel's argument."""
    return p.pointer("row", p.argument("x", "f32") + r * K)
