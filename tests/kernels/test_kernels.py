"""Generated kernels against the index notation that they were scheduled from, on every set that this
CPU has: the model's shapes, and a family of edge sizes with odd batches and odd strides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.weights.tile16 import unpack
from tests.kernels import gguf_blocks
from tests.kernels.harness import (
    Library,
    aligned,
    decoded,
    largest_quant,
    least_steps,
    packed,
    quantized,
    steps_of,
    values_of,
    weights,
)
from tests.kernels.sets import SETS, skip_without

SEED = 7_919
EPSILON = 1e-5
MODEL_MATRICES = [
    ("swiglu", "q4_1", 1536, 576),
    ("matmul", "q4_1", 192, 576),
    ("matmul", "q4_1", 576, 576),
    ("matmul_add", "q4_1", 576, 1536),
    ("matmul_add", "q4_1", 576, 576),
    ("matmul", "q8_0", 49152, 576),
]
EDGE_SHAPES = [(n, k) for n in (16, 32, 48) for k in (32, 64, 96, 576)]
EDGE_MATRICES = [  # other operations differ in what becomes of the sums: each n and each k
    (operation, type_name, n, k)
    for operation in ("matmul", "matmul_add", "swiglu", "geglu")
    for type_name in ("q4_1", "q8_0")
    for n, k in (EDGE_SHAPES if operation == "matmul" else [*EDGE_SHAPES[::5], (16, 576)])
]
WIDTHS = (32, 64, 96, 576, 1536)
ROWS = (*range(1, 10), 16, 17)  # around every number that shares weights
HEADS = ((9, 64), (3, 64), (1, 8), (5, 24))


def _requests() -> list[KernelRequest]:
    found = {KernelRequest(o, t, (n, k)) for o, t, n, k in MODEL_MATRICES + EDGE_MATRICES}
    found |= {
        KernelRequest("embed", "q8_0", (49152, 576)),
        KernelRequest("embed", "q8_0", (48, 96)),
    }
    found |= {KernelRequest("quantize", "f32", (k,)) for k in WIDTHS}
    found |= {KernelRequest("rms_norm", "f32", (k,)) for k in WIDTHS}
    found |= {KernelRequest("silu_multiply", "f32", (k,)) for k in WIDTHS}
    found |= {KernelRequest("rope", "f32", shape) for shape in HEADS}
    return sorted(found)


@pytest.fixture(
    scope="module", params=[isa for isa in SETS if not isa.tiles], ids=lambda isa: isa.name
)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without(isa)
    print(f"seed {SEED}")
    return Library(tmp_path_factory.mktemp(isa.name), isa, _requests())


@pytest.fixture
def rng():
    return np.random.default_rng(SEED)


def _floats(rng, *shape, scale=1.0) -> np.ndarray:
    """Activations with a few outliers, as models have, on a 64-byte boundary."""
    out = aligned(shape, np.float32)
    out[:] = rng.standard_normal(shape) * scale
    flat = out.reshape(-1)
    flat[rng.integers(0, flat.size, max(flat.size // 100, 1))] *= 30
    return out


def _guarded(*shape) -> np.ndarray:
    """A result whose last row is never asked for: it must keep its junk."""
    return aligned((shape[0] + 1, *shape[1:]), np.float32)


def _untouched(y: np.ndarray) -> None:
    assert (y[-1:].view(np.uint8) == 0xA5).all(), "wrote beyond its rows"


def _check_matrix(library, rng, operation, type_name, n, k, rows):
    """Computes some tiles of a matrix's outputs and compares; the others must keep their junk."""
    request = KernelRequest(operation, type_name, (n, k))
    names = ("w",) if request.matrices == 1 else ("gate", "up")
    matrices = {name: weights(type_name, n, k, seed) for seed, name in enumerate(names)}
    first, last = sorted(int(t) for t in rng.choice(n // 16 + 1, 2, replace=False))
    last = min(last, first + 8)
    part = slice(16 * first, 16 * last)
    x, y = _floats(rng, rows, k), _guarded(rows, n)
    if operation == "matmul_add":
        y[:-1] = rng.standard_normal((rows, n))
    before = y.copy()
    q = quantized(library, x)
    seen = {"x": decoded(library, q, k), "rows": rows, "y": y[:-1, part].copy()}
    some = range(part.start, part.stop)
    seen |= {name: values_of(type_name, w, some, k) for name, w in matrices.items()}
    shapes = {name: (rows, len(some)) for name in ("y", "g", "h")}
    want = library.oracle(request, seen, shapes, {"n": range(len(some))})["y"]
    library.call(request, rows, first, last, q, *matrices.values(), y)
    sizes = [np.abs(seen["x"]) @ np.abs(seen[name]).T for name in names]
    size = sizes[0] if len(sizes) == 1 else sizes[0] * sizes[1] + sizes[1]
    assert (np.abs(y[:-1, part] - want) <= 2e-6 * size + 1e-6).all()
    before[:-1, part] = y[:-1, part]
    assert np.array_equal(y.view(np.uint8), before.view(np.uint8)), "wrote beyond its outputs"


@pytest.mark.parametrize("operation,type_name,n,k", MODEL_MATRICES)
@pytest.mark.parametrize("rows", (1, 5))
def test_model_matrices(library, rng, operation, type_name, n, k, rows):
    _check_matrix(library, rng, operation, type_name, n, k, rows)


@pytest.mark.parametrize("operation,type_name,n,k", EDGE_MATRICES)
def test_edge_matrices(library, rng, operation, type_name, n, k):
    for rows in ROWS:
        _check_matrix(library, rng, operation, type_name, n, k, rows)


@pytest.mark.parametrize("type_name", ("q4_1", "q8_0"))
def test_extreme_quants_do_not_overflow(library, type_name):
    """Every quant and every activation at its limit, signs alike: the largest sums there can be."""
    k, n = 576, 16
    quant = {"q4_1": 0xFF, "q8_0": 0x81}[type_name]
    block = np.concatenate(
        [
            np.array([1], "<f2").view(np.uint8),
            *([np.array([-8], "<f2").view(np.uint8)] if type_name == "q4_1" else []),
            np.full(16 if type_name == "q4_1" else 32, quant, np.uint8),
        ]
    )
    w = packed(type_name, np.tile(block, (n, k // 32)))
    # 507 of 508 makes the largest parts: see PARTS in specs/schedules/activations.py.
    for sign, less in itertools.product((1, -1), (1, 507 / 508)):
        x = aligned((1, k), np.float32)
        x[:] = sign
        x.reshape(-1, 2, 16)[:, 0] *= less
        y = _guarded(1, n)
        library.call(
            KernelRequest("matmul", type_name, (n, k)), 1, 0, 1, quantized(library, x), w, y
        )
        want = unpack(type_name, w.tobytes(), n, k) @ x[0]
        assert np.allclose(y[0], want, rtol=2e-3)


SCALES = (-24, -20, -14, -8, 0, 3, 8, 12)


@pytest.mark.parametrize("type_name", ("q4_1", "q8_0"))
@pytest.mark.parametrize("exponent", SCALES)
def test_scales_of_every_size(library, rng, type_name, exponent):
    """Subnormal halves to nearly the largest, of either sign, in one row with others up to 2^10 times
    smaller, and beside rows of nothing. Sets that compute in integers cut what is 2^-16 of the
    largest."""
    k, n = 96, 32
    smaller = rng.integers(0, 10, (n, k // 32, 1))
    smaller[:, 0] = 0
    sizes = rng.uniform(0.6, 1, (n, k // 32, 2)) * 2.0 ** (exponent - smaller)
    sizes[[1, 6, 20, 21, 22, 23]] = 0
    raw = gguf_blocks.matrix(type_name, n, k, rng, sizes * rng.choice((-1, 1), sizes.shape))
    w, values = packed(type_name, raw), unpack(type_name, packed(type_name, raw).tobytes(), n, k)
    x, y = _floats(rng, 3, k), _guarded(3, n)
    q = quantized(library, x)
    library.call(KernelRequest("matmul", type_name, (n, k)), 3, 0, 2, q, w, y)
    seen = decoded(library, q, k)
    cut = 2.0 ** (exponent - 16) * 256 * np.abs(seen).sum(axis=1, keepdims=True)
    cut = cut if library.isa.name.startswith("word") else 0
    assert (np.abs(y[:-1] - seen @ values.T) <= 2e-6 * np.abs(seen) @ np.abs(values).T + cut).all()


@pytest.mark.parametrize("k", WIDTHS)
def test_quantize_loses_half_a_step_at_most(library, rng, k):
    for rows in (1, 3):
        x = _floats(rng, rows, k, scale=3.0)
        x[0, :32] = 0
        q = quantized(library, x)
        request = KernelRequest("quantize", "f32", (k,))
        seen = {"x": x, "rows": rows, "scale": steps_of(library, q, k)}
        want = library.oracle(request, seen, {"q": (rows, k)})["q"]
        step = np.repeat(seen["scale"], 32, axis=1)
        got = decoded(library, q, k)
        assert (np.abs(got - x) <= 0.505 * step).all()
        assert np.abs(want).max() <= largest_quant(library)
        same = np.abs(got - want * step) <= 1e-6 * np.abs(x)
        assert same.mean() > 0.99, "only ties may differ"


@pytest.mark.parametrize("k", WIDTHS)
def test_steps_are_no_larger_than_they_must_be(library, rng, k):
    """A block's magnitudes take nearly all of a quant's range; ten bits step by level."""
    x = _floats(rng, 3, k, scale=3.0)
    least = least_steps(library, x)
    coarse = least.max(axis=1, keepdims=True) / 1022
    steps = steps_of(library, quantized(library, x), k)
    assert (steps <= (least + coarse) * (1 + 1e-6)).all()
    assert (steps >= least * (1 - 1e-3)).all()


@pytest.mark.parametrize("large", (40.0, -3000.0))
def test_a_large_value_anywhere_in_a_block(library, rng, large):
    """Beside equals of another four, too."""
    x = _floats(rng, 64, 32)
    for place in range(32):
        x[place, place] = large
        x[32 + place, [place, (place + 9) % 32]] = large, -large
    q = quantized(library, x)
    steps = steps_of(library, q, 32)
    assert (steps <= 1.002 * least_steps(library, x)).all()
    assert (np.abs(decoded(library, q, 32) - x) <= 0.505 * steps).all()


def test_quantize_of_zeros(library):
    x = aligned((2, 576), np.float32)
    x[:] = 0
    w = weights("q4_1", 576, 576)
    y = _guarded(2, 576)
    library.call(KernelRequest("matmul", "q4_1", (576, 576)), 2, 0, 36, quantized(library, x), w, y)
    assert (y[:2] == 0).all()


@pytest.mark.parametrize("n,k", ((49152, 576), (48, 96)))
def test_embed(library, rng, n, k):
    w = weights("q8_0", n, k)
    tokens = aligned((5,), np.int32)
    tokens[:] = [0, n - 1, *rng.integers(0, n, 3)]
    x = _guarded(5, k)
    request = KernelRequest("embed", "q8_0", (n, k))
    library.call(request, 5, tokens, w, x)
    _untouched(x)
    tiles = [
        values_of("q8_0", w, range(t // 16 * 16, t // 16 * 16 + 16), k)[t % 16] for t in tokens
    ]
    seen = {"tokens": np.arange(5), "w": np.array(tiles), "rows": 5}
    want = library.oracle(request, seen, {"x": (5, k)})["x"]
    assert np.array_equal(x[:-1], want.astype(np.float32))


@pytest.mark.parametrize("k", WIDTHS)
def test_rms_norm(library, rng, k):
    request = KernelRequest("rms_norm", "f32", (k,))
    for rows in (1, 3, 7):
        x, gain, y = _floats(rng, rows, k, scale=3.0), _floats(rng, k), _guarded(rows, k)
        library.call(request, rows, x, gain, EPSILON, y)
        _untouched(y)
        values = {"x": x, "gain": gain, "epsilon": EPSILON, "rows": rows}
        want = library.oracle(request, values, {"y": (rows, k)})["y"]
        assert np.allclose(y[:-1], want, rtol=3e-6, atol=1e-7)
        library.call(request, rows, x, gain, EPSILON, x)
        assert np.array_equal(x, y[:-1]), "in place"


@pytest.mark.parametrize("heads,width", HEADS)
def test_rope(library, rng, heads, width):
    request = KernelRequest("rope", "f32", (heads, width))
    for rows in (1, 4):
        x = _guarded(rows, heads, width)
        x[:-1] = _floats(rng, rows, heads, width)
        angles = rng.uniform(0, 6, (rows, width // 2)).astype(np.float32)
        cosines, sines = aligned(angles.shape, np.float32), aligned(angles.shape, np.float32)
        cosines[:], sines[:] = np.cos(angles), np.sin(angles)
        values = {"x": x[:-1].copy(), "cosines": cosines, "sines": sines, "rows": rows}
        want = library.oracle(request, values, {"x": (rows, heads, width)})["x"]
        library.call(request, rows, cosines, sines, x)
        _untouched(x)
        assert np.allclose(x[:-1], want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("k", WIDTHS)
def test_silu_multiply(library, rng, k):
    request = KernelRequest("silu_multiply", "f32", (k,))
    for rows in (1, 3):
        gate, up, y = _floats(rng, rows, k, scale=4.0), _floats(rng, rows, k), _guarded(rows, k)
        gate[0, :4] = 0, 100, -100, -20
        library.call(request, rows, gate, up, y)
        _untouched(y)
        want = library.oracle(request, {"gate": gate, "up": up, "rows": rows}, {"y": (rows, k)})[
            "y"
        ]
        assert np.allclose(y[:-1], want, rtol=3e-6, atol=1e-20)
