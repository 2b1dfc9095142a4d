"""Packed weights hold exactly the file's values, in the order that schedule/weight_layout.py documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.schedule.weight_layout import LAYOUTS, layout_of, packed_bytes, stored_type
from cllm_gen.weights.quants import read
from cllm_gen.weights.tile16 import bounds, pack, unpack
from tests.kernels import gguf_blocks
from tests.kernels.gguf_blocks import BLOCKS, FLOATS, TYPES

HALF_MAX = 65504.0


def _same(type_name: str, raw: np.ndarray) -> np.ndarray:
    """Packs and unpacks; every float has the bits that gguf reads (zeros in either sign)."""
    want = gguf_blocks.values(type_name, raw)
    packed = pack(type_name, raw)
    assert len(packed) == packed_bytes(type_name, *want.shape)
    got = unpack(type_name, packed, *want.shape)
    zero = want == 0
    assert (got[zero] == 0).all()
    assert np.array_equal(got[~zero].view(np.uint32), want[~zero].view(np.uint32))
    return got


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("rows,columns", [(16, 256), (32, 768), (48, 512)])
def test_round_trip_is_exact(type_name, rows, columns):
    _same(type_name, gguf_blocks.matrix(type_name, rows, columns, np.random.default_rng(rows)))


@pytest.mark.parametrize("type_name", [t for t in TYPES if BLOCKS.get(t, (0,))[0] <= 32])
def test_few_blocks(type_name):
    for columns in (32, 64, 96):
        raw = gguf_blocks.matrix(type_name, 16, columns, np.random.default_rng(columns))
        _same(type_name, raw)


@settings(max_examples=60, deadline=None)
@given(type_name=st.sampled_from(TYPES), seed=st.integers(0, 2**32), data=st.data())
def test_any_finite_scales(type_name, seed, data):
    """Scales of any sign and size, subnormal ones too, that differ from block to block."""
    largest = {"q4_0": HALF_MAX / 8, "q5_0": HALF_MAX / 16}.get(type_name, HALF_MAX)
    scale = st.floats(-largest, largest, width=16)
    few = st.lists(scale, min_size=1, max_size=6)
    rng = np.random.default_rng(seed)
    some = rng.choice(np.array(data.draw(few)), (16, 512 // BLOCKS.get(type_name, (32,))[0], 2))
    _same(type_name, gguf_blocks.matrix(type_name, 16, 512, rng, some))


@settings(max_examples=30, deadline=None)
@given(block=st.binary(min_size=144, max_size=144))
def test_any_block_of_six_bit_scales(block):
    raw = np.frombuffer(block, np.uint8).copy()
    raw[:4] = np.array([0.25, -3.5], "<f2").view(np.uint8)
    _same("q4_k", np.tile(raw, (16, 1)))


@pytest.mark.parametrize("type_name", BLOCKS)
def test_every_quant_at_every_place(type_name):
    """Bytes that count up: each place of a block sees each value."""
    values, size, _ = BLOCKS[type_name]
    rng = np.random.default_rng(3)
    raw = gguf_blocks.matrix(type_name, 256, values, rng, 1.0)
    start = {"q4_k": 16, "q5_k": 16, "q6_k": 0}.get(type_name, 2 * len(BLOCKS[type_name][2]))
    end = 208 if type_name == "q6_k" else size
    raw[:, start:end] = (np.arange(256)[:, None] + np.arange(end - start)).astype(np.uint8)
    _same(type_name, raw)


@pytest.mark.parametrize("type_name", FLOATS)
def test_every_float(type_name):
    """All finite patterns of 16 bits; for f32 as its upper half."""
    patterns = np.arange(65536, dtype=np.uint32)
    raw = patterns.astype("<u2") if type_name != "f32" else (patterns << 16).astype("<u4")
    infinite = 0x7C00 if type_name == "f16" else 0x7F80
    raw = raw[patterns & infinite != infinite].reshape(16, -1)
    _same(type_name, np.ascontiguousarray(raw[:, : raw.shape[1] // 32 * 32]).view(np.uint8))


@pytest.mark.parametrize("type_name", sorted(set(LAYOUTS) - set(FLOATS)))
def test_bounds_are_the_least_powers_of_two(type_name):
    rng = np.random.default_rng(8)
    size = 10.0 ** rng.integers(-7, 3, (32, 1, 1))
    raw = gguf_blocks.matrix(type_name, 32, 256, rng, rng.uniform(-1, 1, (32, 1, 2)) * size)
    # A negative scale and a positive minimum are not plain; half a dozen rows of 32 are.
    raw[3] = 0
    found = bounds(type_name, pack(type_name, raw), 32, 256)
    quants = read(type_name, raw)
    terms = [quants.d] + ([quants.m] if quants.m is not None else [])
    largest = np.max([np.abs(term).max(axis=(1, 2)) for term in terms], axis=0)
    assert found[3] == 0 and np.signbit(found[3])
    plain = np.min([quants.d.min(axis=(1, 2)), largest], axis=0) >= 2.0**-14
    if quants.m is not None:
        plain &= -quants.m.max(axis=(1, 2)) >= 2.0**-14
    assert np.array_equal(found > 0, plain & (np.abs(found) <= 2048))
    assert plain.any() or type_name.endswith("k")
    found = np.abs(found)
    some = largest > 0
    assert (np.frexp(found[some])[0] == 0.5).all()
    assert (found >= largest).all() and (found[some] < 2 * largest[some]).all()


def test_quants_lie_where_documented():
    rng = np.random.default_rng(6)
    t, b, r, j = 1, 1, 9, 2
    for type_name, size, skip, vector in (
        ("q8_0", 34, 2, 5),
        ("q4_1", 20, 4, 3),
        ("q5_1", 24, 8, 3),
    ):
        raw, layout = gguf_blocks.matrix(type_name, 32, 64, rng), layout_of(type_name)
        packed = np.frombuffer(pack(type_name, raw), np.uint8).reshape(2, layout.tile_bytes(64))
        block = raw[16 * t + r, b * size : (b + 1) * size]
        start = b * layout.block_bytes
        assert packed[t, start + vector * 64 + r * 4 + j] == block[skip + 4 * vector + j]
        d = packed[t, start + layout.quant_bytes :][2 * r : 2 * r + 2]
        assert np.array_equal(d, block[:2])
        if type_name == "q5_1":
            bits = np.unpackbits(block[4:8], bitorder="little")[j::4]
            assert packed[t, start + 256 + r * 4 + j] == np.packbits(bits, bitorder="little")[0]


def test_floats_lie_where_documented():
    raw = gguf_blocks.matrix("f16", 32, 64, np.random.default_rng(9)).view("<u2")
    k, r = 37, 5
    packed = np.frombuffer(pack("f16", raw.view(np.uint8)), "<u2").reshape(2, -1)
    assert packed[1, k * 16 + r] == raw[16 + r, k]
    packed = np.frombuffer(pack("bf16", (raw & 0x7FF).view(np.uint8)), "<u2").reshape(2, -1)
    assert packed[1, k // 2 * 32 + r * 2 + k % 2] == raw[16 + r, k] & 0x7FF


@pytest.mark.parametrize("type_name", LAYOUTS)
def test_parts_of_a_tile_begin_on_lines(type_name):
    layout = layout_of(type_name)
    for columns in (256, 768, 2048):
        assert layout.bounds_at(columns) % 64 == 0
        assert layout.tile_bytes(columns) % 64 == 0


def test_stored_types_are_few():
    assert {stored_type(each) for each in TYPES} == set(LAYOUTS)


@pytest.mark.parametrize("type_name,rows,columns", [("q4_1", 15, 32), ("f16", 16, 48)])
def test_partial_tiles_are_refused(type_name, rows, columns):
    with pytest.raises(ValueError, match="whole number of 16x32 tiles"):
        packed_bytes(type_name, rows, columns)


def test_partial_blocks_of_256_are_refused():
    with pytest.raises(ValueError, match="whole number of 16x256 tiles"):
        packed_bytes("q4_k", 16, 288)


@pytest.mark.parametrize("type_name,scale", [("q4_0", 8200.0), ("q5_0", -4100.0)])
def test_minima_beyond_a_half_are_refused(type_name, scale):
    raw = gguf_blocks.matrix(type_name, 16, 32, np.random.default_rng(1), scale)
    with pytest.raises(ValueError, match=f"{type_name} has a scale of .* is beyond a f16"):
        pack(type_name, raw)


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("wrong", [np.inf, np.nan])
def test_what_is_not_finite_is_refused(type_name, wrong):
    rng = np.random.default_rng(2)
    raw = gguf_blocks.matrix(type_name, 16, 256, rng, wrong)
    if type_name in FLOATS:
        kind = "<f4" if type_name == "f32" else "<u2"
        code = {"f16": 0x7C00, "bf16": 0x7F80}.get(type_name, 0)
        raw.view(kind)[3, 5] = wrong if type_name == "f32" else code | int(np.isnan(wrong))
    elif "k" in type_name:
        raw[:, 4:16] |= 1  # a scale of 0 times infinity is not a number either way
    with pytest.raises(ValueError, match="not a finite number"):
        pack(type_name, raw)
