"""Quantised activations: what `quantize` leaves for the matrix kernels of the same instruction set.

A row is 64 bytes whose first is f32 `unit`, then 128 bytes for each block of 32 values. A value is
unit * level * q with one integer level from 1 to 1023 a block and q of eight bits, so that a kernel
may sum whole rows in integers; `scale` is unit * level for kernels that sum in floats.
"""

ROW_HEADER, BLOCK_BYTES = 64, 128
LEVELS = 1022
FINER = 254  # quantize_twice: units of the second row in one of the first, which leaves +-1/2

SCALE = 64  # f32 unit * level
CORRECTION = 68  # i16 sum(q), i16 -8 * sum(q)
LEVEL = 72  # i32
SUM = 76  # i32 sum(q)
BYTES = 80  # i8 q[32]
PAIRS = 0  # for v < 8: i16 q[4v], q[4v+2], q[4v+1], q[4v+3]
WORDS = 0  # for v < 8: i32 q[4v+2] + 65536 * q[4v], i32 q[4v+3] + 65536 * q[4v+1]
"""PAIRS and WORDS share their place: an instruction set uses one of them or neither."""
