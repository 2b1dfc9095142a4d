"""Matrix kernels of every type and set against products in float64: odd batches, ranges of tiles
that begin and end anywhere, and inputs of one block, of several and of an odd number."""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.lower.kernel.resolve import load_kernels
from cllm_gen.schedule.weight_layout import LAYOUTS
from cllm_gen.spec.kernel import KernelRequest
from cllm_gen.weights.tile16 import pack, unpack
from tests.kernels import gguf_blocks
from tests.kernels.harness import ROOT, Library, aligned, decoded, quantized
from tests.kernels.sets import SETS, skip_without

SEED = 6_151
OUTPUTS = 80  # five tiles
OPERATIONS = {
    "matmul": lambda y, g, u: g,
    "matmul_add": lambda y, g, u: y + g,
    "swiglu": lambda y, g, u: g / (1 + np.exp(-g)) * u,
    "geglu": lambda y, g, u: g / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (g + 0.044715 * g**3))) * u,
}
RANGES = ((0, 5), (1, 2), (2, 5), (3, 3))
ROWS = (1, 2, 3, 9)


def _inputs(type_name: str, operation: str = "") -> tuple[int, ...]:
    """One block and an odd number of them; even numbers for one operation, whose loops all share."""
    if LAYOUTS[type_name].columns == 256:
        return (256, 768)
    return (32, 64, 96, 288) if operation == "matmul" else (32, 288)


def _requests() -> list[KernelRequest]:
    found = [
        KernelRequest(operation, t, (OUTPUTS, k))
        for t in LAYOUTS
        for operation in (*OPERATIONS, "embed")
        for k in _inputs(t, operation)
    ]
    found += [KernelRequest("quantize", "f32", (k,)) for k in (32, 64, 96, 256, 288, 768)]
    return sorted(found)


@pytest.fixture(scope="module", params=SETS, ids=lambda isa: isa.name)
def library(request, tmp_path_factory) -> Library:
    isa = request.param
    skip_without(isa)
    print(f"seed {SEED}")
    return Library(tmp_path_factory.mktemp(isa.name), isa, _requests())


def _matrix(type_name: str, columns: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Packed on a 64-byte boundary, and its values."""
    packed = pack(type_name, gguf_blocks.matrix(type_name, OUTPUTS, columns, rng))
    w = aligned((len(packed),), np.uint8)
    w[:] = np.frombuffer(packed, np.uint8)
    return w, unpack(type_name, packed, OUTPUTS, columns).astype(np.float64)


def _rows(library: Library, type_name: str, rows: int, columns: int, rng):
    """What the kernel is given, the numbers that it stands for, and their tolerance."""
    x = aligned((rows, columns), np.float32)
    x[:] = rng.standard_normal((rows, columns)) * 10 ** rng.uniform(-2, 1, (rows, 1))
    if LAYOUTS[type_name].is_float:
        return x, x.astype(np.float64)
    q = quantized(library, x)
    return q, decoded(library, q, columns)


def _tolerance(library: Library, type_name: str) -> float:
    """Share of the sum of magnitudes that rounding may cost: of weights too where tiles make them
    bfloat16, and of scales where sets cut them to whole numbers."""
    own = library.kernels["matmul", type_name].schedules
    if library.isa.name == "amx" and "amx" in own:
        return 2.0**-8
    return 2e-6


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("type_name", LAYOUTS)
def test_products(library, type_name, operation):
    rng = np.random.default_rng(SEED)
    for columns in _inputs(type_name, operation):
        request = KernelRequest(operation, type_name, (OUTPUTS, columns))
        (gate, gates), (up, ups) = (_matrix(type_name, columns, rng) for _ in range(2))
        for rows in ROWS:
            q, x = _rows(library, type_name, rows, columns, rng)
            sums = [x @ w.T for w in (gates, ups)]
            sizes = [np.abs(x) @ np.abs(w).T for w in (gates, ups)]
            for first, last in RANGES:
                y = library.outputs(request, rows)
                if not y.quantised:
                    y.cells[:-1] = rng.standard_normal((rows, OUTPUTS))
                before = y.memory.copy()
                weights = (gate,) if operation.startswith("matmul") else (gate, up)
                library.call(request, rows, first, last, q, *weights, y.memory)
                inside = (slice(rows), slice(16 * first, 16 * last))
                share = _tolerance(library, type_name)
                was = before[:-1] if operation == "matmul_add" else None
                want = OPERATIONS[operation](was, *sums)[inside]
                loose = share * sizes[0]
                if len(weights) > 1:
                    loose = loose * (1 + np.abs(sums[1])) + share * sizes[1] * (1 + np.abs(sums[0]))
                bound = 2 * loose[inside] + (2.0**-8 if y.quantised else 1e-6) * (1 + np.abs(want))
                assert (np.abs(y.values[inside] - want) <= bound).all(), (
                    columns,
                    rows,
                    first,
                    last,
                )
                assert y.only_wrote(before, inside), "wrote elsewhere"


SCALES = {  # of blocks of halves: d and m
    "plain": ((0.01, -0.08), (0.02, -0.1), (0.011, -0.03)),
    "of either sign": ((-0.01, 0.08), (0.02, -0.1), (0.03, 0.02)),
    "some nothing": ((0, 0), (0.02, -0.1), (0.01, 0), (0, 0.2)),
    "subnormal": ((3e-6, -2e-5), (6e-8, 0), (5e-5, -6e-5)),
    "one far above the others": ((900.0, -5000.0), (0.02, -0.1), (3e-6, 0.5)),
    "large": ((30000.0, -60000.0), (65504.0, 1.0)),
}


@pytest.mark.parametrize("type_name", ["q4_1", "q5_1", "q8_0"])
@pytest.mark.parametrize("scales", SCALES.values(), ids=SCALES)
def test_any_scales_of_halves(library, type_name, scales):
    """Errors stay small beside a row's terms; with whole numbers for scales, beside the largest of
    its tile."""
    rng = np.random.default_rng(SEED)
    columns = 288
    chosen = rng.choice(np.array(scales), (OUTPUTS, columns // 32))
    packed = pack(type_name, gguf_blocks.matrix(type_name, OUTPUTS, columns, rng, chosen))
    w = aligned((len(packed),), np.uint8)
    w[:] = np.frombuffer(packed, np.uint8)
    values = unpack(type_name, packed, OUTPUTS, columns).astype(np.float64)
    q, x = _rows(library, type_name, 2, columns, rng)
    y = aligned((2, OUTPUTS), np.float32)
    library.call(KernelRequest("matmul", type_name, (OUTPUTS, columns)), 2, 0, 5, q, w, y)
    terms = (np.abs(x)[:, None, :] * _sizes(type_name, chosen)).sum(-1)
    if library.isa.name.startswith("word"):
        terms = np.repeat(terms.reshape(2, -1, 16).max(axis=2), 16, axis=1)
    want = x @ values.T
    assert (np.abs(y - want) <= 4 * _tolerance(library, type_name) * terms).all()


def _sizes(type_name: str, scales: np.ndarray) -> np.ndarray:
    """Magnitudes of the terms that a sum may round, input by input: the largest quant times |d|,
    and |m|."""
    most = {"q4_1": 15, "q5_1": 31, "q8_0": 128}[type_name]
    d, m = np.abs(scales[:, :, 0]), np.abs(scales[:, :, 1])
    each = np.repeat(most * d + (0 if type_name == "q8_0" else m), 32, axis=1)
    return np.broadcast_to(each, (OUTPUTS, each.shape[1]))


@pytest.mark.parametrize("type_name", LAYOUTS)
def test_embedding_rows_are_exact(library, type_name):
    """To one rounding of d * q before m is added."""
    rng = np.random.default_rng(SEED)
    for columns in _inputs(type_name):
        w, values = _matrix(type_name, columns, rng)
        tokens = aligned((4,), np.int32)
        tokens[:] = 0, 79, 17, 5
        x = aligned((4, columns), np.float32)
        library.call(KernelRequest("embed", type_name, (OUTPUTS, columns)), 3, tokens, w, x)
        want = values[tokens[:3]]
        if LAYOUTS[type_name].is_float or type_name in ("q8_0", "q6_k"):
            assert np.array_equal(x[:3], want.astype(np.float32))
        else:
            assert (np.abs(x[:3] - want) <= 2.0**-23 * np.abs(want).max()).all()
        assert (x[3].view(np.uint8) == 0xA5).all(), "wrote beyond its rows"


def test_every_type_has_every_operation():
    known = load_kernels(ROOT)
    for type_name in LAYOUTS:
        for operation in (*OPERATIONS, "embed"):
            assert (operation, type_name) in known
