"""Packed weights hold the file's values, in the order that layout.py documents."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from cllm_gen.weights.layout import pack_tile16, packed_bytes, tile_bytes, unpack_tile16
from tests.kernels.harness import random_blocks

_GGUF = {"q4_1": gguf.GGMLQuantizationType.Q4_1, "q8_0": gguf.GGMLQuantizationType.Q8_0}
SHAPES = [(16, 32), (32, 96), (48, 576)]


@pytest.mark.parametrize("type_name", sorted(_GGUF))
@pytest.mark.parametrize("rows,columns", SHAPES)
def test_round_trip_is_exact(type_name, rows, columns):
    """Against the gguf package's own reading of the file's blocks."""
    raw = random_blocks(type_name, rows, columns, np.random.default_rng(rows * columns))
    packed = pack_tile16(type_name, raw)
    assert len(packed) == packed_bytes(type_name, rows, columns)
    want = gguf.dequantize(raw, _GGUF[type_name]).astype(np.float64)
    got = unpack_tile16(type_name, packed, rows, columns)
    assert np.abs(got - want).max() <= 2.0**-14 * np.abs(want).max()
    if type_name == "q8_0":
        assert np.array_equal(got.astype(np.float32), want.astype(np.float32))


@pytest.mark.parametrize("type_name", sorted(_GGUF))
def test_scales_of_very_unequal_size(type_name):
    """A block far smaller than its row's largest keeps its place to 2^-15 of that largest."""
    raw = random_blocks(type_name, 16, 64, np.random.default_rng(5))
    size = raw.shape[1] // 2
    raw[:, :2] = np.array([4.0], "<f2").view(np.uint8)
    raw[:, size : size + 2] = np.array([0.0001], "<f2").view(np.uint8)
    want = gguf.dequantize(raw, _GGUF[type_name]).astype(np.float64)
    got = unpack_tile16(type_name, pack_tile16(type_name, raw), 16, 64)
    assert np.abs(got - want).max() <= 2.0**-15 * 4 * 16


def test_quants_lie_where_documented():
    raw = random_blocks("q8_0", 32, 64, np.random.default_rng(6))
    packed = np.frombuffer(pack_tile16("q8_0", raw), np.uint8).reshape(2, tile_bytes("q8_0", 64))
    t, b, v, r, j = 1, 1, 5, 9, 2
    assert packed[t, b * 576 + v * 64 + r * 4 + j] == raw[16 * t + r, b * 34 + 2 + 4 * v + j]
    raw = random_blocks("q4_1", 32, 64, np.random.default_rng(7))
    packed = np.frombuffer(pack_tile16("q4_1", raw), np.uint8).reshape(2, tile_bytes("q4_1", 64))
    v = 3
    assert packed[t, b * 320 + v * 64 + r * 4 + j] == raw[16 * t + r, b * 20 + 4 + 4 * v + j]


@pytest.mark.parametrize("rows,columns", [(15, 32), (16, 48)])
def test_partial_tiles_are_refused(rows, columns):
    with pytest.raises(ValueError, match="whole number of 16x32 tiles"):
        packed_bytes("q4_1", rows, columns)
