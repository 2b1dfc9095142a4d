"""Row kernels of other families (specs/kernels/rows.py) against their algorithms, and norms of
single heads."""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.spec.kernel import KernelRequest
from tests.kernels.harness import Library, aligned, decoded, quantized_bytes, steps_of
from tests.kernels.sets import SETS, skip_without

SEED = 104_729
WIDTHS = (16, 48, 80, 256, 640)
QUANTISED = (32, 96, 256, 576)
HEADS = ((4, 256), (1, 256), (3, 16), (5, 80))
EPSILON, FACTOR = 1e-6, 640**0.5


def _requests() -> list[KernelRequest]:
    found = []
    for k in WIDTHS:
        found += [KernelRequest(name, "f32", (k,)) for name in ("add", "add_bias", "gelu_multiply")]
        found += [KernelRequest("scale", "f32", (k,))]
        found += [KernelRequest("rms_norm", "f32", (k,))]
    for k in QUANTISED:
        found += [KernelRequest("rms_norm_quantize", "f32", (k,))]
    return sorted(found + [KernelRequest("rope_halves", "f32", shape) for shape in HEADS])


@pytest.fixture(scope="module", params=SETS, ids=lambda isa: isa.name)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without(isa)
    print(f"seed {SEED}")
    return Library(tmp_path_factory.mktemp(isa.name), isa, _requests())


def _floats(seed: int, *shape: int) -> np.ndarray:
    out = aligned(shape, np.float32)
    out[:] = np.random.default_rng((SEED, seed)).standard_normal(shape) * 3
    return out


def _check(library, request, rows, outputs, arguments, in_place=(), rtol=3e-6):
    """Calls with one row more of junk behind the result, and compares with the algorithm."""
    shape = outputs.shape
    y = aligned((rows + 1, *shape[1:]), np.float32)
    y[:-1] = outputs
    values = {name: np.copy(value) for name, value in arguments.items()} | {"rows": rows}
    target = list(library.kernels[request.operation, request.type].arguments)[-1]
    values[target] = outputs.copy()
    want = library.oracle(request, values, {target: shape, "across": shape})[target]
    library.call(request, rows, *arguments.values(), y)
    assert np.allclose(y[:-1], want, rtol=rtol, atol=1e-6)
    assert (y[-1:].view(np.uint8) == 0xA5).all(), "wrote beyond its rows"
    for name in in_place:
        library.call(request, rows, *arguments.values(), arguments[name])
        assert np.array_equal(arguments[name], y[:-1]), f"y as {name}"


@pytest.mark.parametrize("k", WIDTHS)
@pytest.mark.parametrize("rows", (1, 3))
def test_vectors(library, k, rows):
    x, y, bias = _floats(1, rows, k), _floats(2, rows, k), _floats(3, k)
    _check(library, KernelRequest("add", "f32", (k,)), rows, y, {"x": x})
    _check(library, KernelRequest("add_bias", "f32", (k,)), rows, y, {"bias": bias})
    scale = KernelRequest("scale", "f32", (k,))
    _check(library, scale, rows, y, {"x": x.copy(), "factor": FACTOR}, in_place=("x",))
    norm = KernelRequest("rms_norm", "f32", (k,))
    _check(
        library, norm, rows, y, {"x": x.copy(), "gain": bias, "epsilon": EPSILON}, in_place=("x",)
    )


@pytest.mark.parametrize("k", QUANTISED)
@pytest.mark.parametrize("rows", (1, 3))
def test_rms_norm_quantize(library, k, rows):
    """The norm, to half a step of what it is quantised to."""
    request = KernelRequest("rms_norm_quantize", "f32", (k,))
    x, gain, q = _floats(1, rows, k), _floats(2, k), aligned((rows + 1, quantized_bytes(k)), "u1")
    library.call(request, rows, x, gain, EPSILON, q)
    assert (q[-1] == 0xA5).all(), "wrote beyond its rows"
    scale = 1 / np.sqrt((x.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + EPSILON)
    want = x * scale * gain
    got = decoded(library, q[:-1], k)
    if library.isa.tiles:
        half = 2.0**-8 * np.abs(want)
    else:
        half = 0.5 * np.repeat(steps_of(library, q[:-1], k), 32, axis=1)
    assert (np.abs(got - want) <= 1.01 * half + 1e-6 * np.abs(want)).all()


@pytest.mark.parametrize("k", WIDTHS)
@pytest.mark.parametrize("rows", (1, 3))
def test_gelu_multiply(library, k, rows):
    gate, up, y = _floats(1, rows, k), _floats(2, rows, k), _floats(3, rows, k)
    gate[0, :6] = 0, 100, -100, -20, 6, -6
    request = KernelRequest("gelu_multiply", "f32", (k,))
    _check(library, request, rows, y, {"gate": gate, "up": up}, in_place=("up",))


@pytest.mark.parametrize("heads,width", HEADS)
@pytest.mark.parametrize("rows", (1, 4))
def test_rope_halves(library, heads, width, rows):
    angles = _floats(1, rows, width // 2)
    tables = {"cosines": np.cos(angles), "sines": np.sin(angles)}
    request = KernelRequest("rope_halves", "f32", (heads, width))
    _check(library, request, rows, _floats(2, rows, heads, width), tables, rtol=1e-5)
