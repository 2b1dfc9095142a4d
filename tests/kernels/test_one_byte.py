"""Matrix kernels that multiply one byte of each activation, where a set has them for a type: against
products in float64 of what the high bytes stand for, with whole activations for the inputs of some
blocks."""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.lower.kernel.resolve import load_kernels, resolve
from cllm_gen.schedule.weight_layout import LAYOUTS
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.weights.tile16 import pack, unpack
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.ssse3 import ssse3
from specs.schedules import activations as at
from tests.kernels import gguf_blocks
from tests.kernels.harness import ROOT, Library, aligned, decoded, form_of, quantized, steps_of
from tests.kernels.sets import skip_without

OUTPUTS, SEED = 48, 9_043
TYPES = [name for name, layout in LAYOUTS.items() if not layout.is_float]
ROWS = (1, 2, 3, 4, 7)
WIDE: tuple[tuple[int, ...], ...] = ((), (0, 2), (7,))
HIGHS = {"bytes": (at.HIGHS, 128), "parts": (at.PARTS_HIGHS, 4)}
"""Of each form of activations where high bytes lie, and how many steps they count."""
WITHOUT = {"ssse3": ("q5_1", "q8_0", "q5_k", "q6_k")}
"""Types for which a set multiplies whole activations all the same."""


def told(operation: str, type_name: str, columns: int, wide: tuple[int, ...]) -> KernelRequest:
    parameters = (("bytes", 1), *((("wide", wide),) if wide else ()))
    return KernelRequest(operation, type_name, (OUTPUTS, columns), parameters)


@pytest.fixture(scope="module", params=(ssse3, avx512), ids=lambda isa: isa.name)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without(isa)
    wanted = [
        told(operation, t, 256, wide)
        for operation in ("matmul", "swiglu")
        for t in TYPES
        for wide in WIDE
    ]
    quantize = KernelRequest("quantize", "f32", (256,))
    return Library(tmp_path_factory.mktemp(isa.name), isa, [*wanted, quantize])


def meant(library: Library, q: np.ndarray, wide: tuple[int, ...]) -> np.ndarray:
    """What the bytes that are multiplied stand for."""
    columns = 256
    blocks = q[:, at.ROW_HEADER :].reshape(len(q), columns // 32, at.BLOCK_BYTES)
    place, steps = HIGHS[form_of(library)]
    highs = blocks[:, :, place : place + 32].view(np.int8).astype(np.float64)
    found = steps * highs * steps_of(library, q, columns)[:, :, None]
    exact = decoded(library, q, columns).reshape(found.shape)
    found[:, list(wide)] = exact[:, list(wide)]
    return found.reshape(len(q), columns)


@pytest.mark.parametrize("wide", WIDE, ids=str)
@pytest.mark.parametrize("type_name", TYPES)
def test_products_of_high_bytes(library, type_name, wide):
    rng = np.random.default_rng(SEED)
    packed = [pack(type_name, gguf_blocks.matrix(type_name, OUTPUTS, 256, rng)) for _ in range(2)]
    matrices = [unpack(type_name, each, OUTPUTS, 256).astype(np.float64) for each in packed]
    weights = []
    for each in packed:
        weights.append(aligned((len(each),), np.uint8))
        weights[-1][:] = np.frombuffer(each, np.uint8)
    for rows in ROWS:
        x = aligned((rows, 256), np.float32)
        x[:] = rng.standard_normal((rows, 256))
        x[:, 70] *= 40
        q = quantized(library, x)
        exact = type_name in WITHOUT.get(library.isa.name, ())
        seen = decoded(library, q, 256) if exact else meant(library, q, wide)
        gate, up = (seen @ each.T for each in matrices)
        sizes = [np.abs(seen) @ np.abs(each).T for each in matrices]
        y = aligned((rows + 1, OUTPUTS), np.float32)
        library.call(told("matmul", type_name, 256, wide), rows, 0, 3, q, weights[0], y)
        assert (np.abs(y[:-1] - gate) <= 4e-6 * sizes[0] + 1e-6).all()
        library.call(told("swiglu", type_name, 256, wide), rows, 0, 3, q, *weights, y)
        joined = gate / (1 + np.exp(-gate)) * up
        assert (np.abs(y[:-1] - joined) <= 4e-6 * (sizes[0] * sizes[1] + sizes[1]) + 1e-6).all()
        assert (y[-1:].view(np.uint8) == 0xA5).all(), "wrote beyond its rows"


def test_one_byte_is_less_exact_and_two_for_a_block_with_an_outlier_are_not(library):
    """Else the bytes would be for nothing."""
    x = aligned((1, 256), np.float32)
    x[:] = np.random.default_rng(SEED).standard_normal((1, 256))
    x[:, 70] *= 40
    q = quantized(library, x)
    errors = [np.abs(meant(library, q, wide) - x)[:, 64:96].max() for wide in ((), (0, 2))]
    assert errors[0] > 0.4 * HIGHS[form_of(library)][1] * errors[1] > 0


def test_sets_with_one_form_compute_what_they_always_did():
    kernels = load_kernels(ROOT)
    request = told("matmul", "q4_1", 256, (0, 2))
    for isa in (avx2, amx):
        assert resolve(kernels, request, isa).symbol == f"matmul_q4_1_48x256__{isa.name}"
    for isa in (ssse3, avx512):
        symbol = f"matmul_q4_1_48x256_bytes1_wide0o2__{isa.name}"
        assert resolve(kernels, request, isa).symbol == symbol
    for type_name in WITHOUT["ssse3"]:
        request = told("matmul", type_name, 256, ())
        assert resolve(kernels, request, ssse3).symbol == f"matmul_{type_name}_48x256__ssse3"
