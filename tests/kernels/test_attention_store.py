"""Rows stored into KV blocks: exactly the nearest f16 of every value, i8 within half a step, and no
byte of another slot."""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.schedule.kv_layout import BLOCK_TOKENS, SCALED, layer_bytes
from cllm_gen.spec.kernel import KernelRequest
from tests.kernels.attention_cases import _places, group_arrays, parts
from tests.kernels.harness import Library, aligned
from tests.kernels.sets import SETS, skip_without

SEED = 41_617
SHAPES = ((3, 64), (1, 256), (2, 32), (5, 96))


@pytest.fixture(scope="module", params=SETS, ids=lambda isa: isa.name)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without(isa)
    print(f"seed {SEED}")
    wanted = [KernelRequest("store", kv, shape) for kv in ("f16", "i8") for shape in SHAPES]
    return Library(tmp_path_factory.mktemp(isa.name), isa, sorted(wanted))


def _values(rng, *shape) -> np.ndarray:
    """Every size that f32 has in reach of f16: ties, subnormals, zeros, and what must be held."""
    x = rng.standard_normal(shape) * 2.0 ** rng.integers(-27, 17, shape)
    edges = [
        0,
        -0.0,
        65504,
        65519.9,
        65520,
        -1e9,
        6e-8,
        2.9e-8,
        3e-8,
        2**-14,
        -(2**-15),
        2049,
        2051,
    ]
    edges += [2**-25, 3 * 2**-25, 1 + 2**-11, 1 + 3 * 2**-11, -(2**-14) * (1 - 2**-11), 1e-40]
    x.reshape(-1)[: len(edges)] = edges
    out = aligned(shape, np.float32)
    out[:] = rng.permutation(x.reshape(-1)).reshape(shape)
    return out


def _stored(library, kv, shape, slot, rng, draw):
    """k, v and the layer's part before and after the call."""
    k, v = draw(rng, *shape), draw(rng, *shape)
    layer = aligned((layer_bytes(kv, *shape) + 64,), np.uint8)
    layer[:] = rng.integers(0, 256, layer.size)
    before = layer.copy()
    library.call(KernelRequest("store", kv, shape), k, v, layer, slot)
    return k, v, before, layer


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_f16_is_the_nearest(library, shape):
    rng = np.random.default_rng((SEED, *shape))
    for slot in range(BLOCK_TOKENS):
        k, v, want, layer = _stored(library, "f16", shape, slot, rng, _values)
        for half, x in enumerate((k, v)):
            kept = parts("f16", x)[0]
            for g in range(shape[0]):
                elements, _ = group_arrays("f16", want, g, shape[1], half)
                elements[_places("f16", shape[1], half)[slot]] = kept[g]
        assert np.array_equal(layer, want)


def _some_zeros(rng, *shape: int) -> np.ndarray:
    return _values(rng, *shape) * (rng.random(shape) < 0.9)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_i8_is_within_half_a_step(library, shape):
    rng = np.random.default_rng((SEED, *shape))
    for slot in range(BLOCK_TOKENS):
        k, v, before, layer = _stored(library, "i8", shape, slot, rng, draw_aligned(_some_zeros))
        for half, x in enumerate((k, v)):
            for g in range(shape[0]):
                elements, scales = group_arrays("i8", layer, g, shape[1], half)
                its, step = elements[_places("i8", shape[1], half)[slot]], scales[:, slot].copy()
                wide = np.repeat(step, SCALED).astype(np.float64)
                assert (np.abs(its * wide - x[g]) <= 0.5001 * wide).all()
                peak = np.abs(x[g]).reshape(-1, SCALED).max(-1)
                assert (step <= np.maximum(peak, 1e-30) / 126.99).all()
                old, old_scales = group_arrays("i8", before, g, shape[1], half)
                old[_places("i8", shape[1], half)[slot]] = its
                old_scales[:, slot] = step
        assert np.array_equal(layer, before), "wrote beyond its slot"


def draw_aligned(draw):
    """The drawn values on a 64-byte boundary."""

    def drawn(rng, *shape):
        out = aligned(shape, np.float32)
        out[:] = draw(rng, *shape)
        return out

    return drawn


def test_zeros(library):
    for kv in ("f16", "i8"):
        _k, _v, _, layer = _stored(library, kv, (2, 32), 5, np.random.default_rng(SEED), _zeros)
        for half in (0, 1):
            elements, _ = group_arrays(kv, layer, 1, 32, half)
            assert (elements[_places(kv, 32, half)[5]] == 0).all()


def _zeros(rng, *shape):
    return aligned(shape, np.float32, 0)
