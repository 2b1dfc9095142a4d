"""Matrix kernels on tiles against their algorithm: batches and depths around the sizes of tiles, and
ranges of outputs that begin and end anywhere. Fewer of each where the CPU has no tiles and they are
emulated."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from cllm_gen.lower.kernel.trace import trace
from cllm_gen.notation.evaluate import bf16_bits, bf16_values, evaluate
from cllm_gen.schedule.quantized_rows import quantized_bytes
from cllm_gen.spec.kernel import C_TYPES, KernelRequest
from cllm_gen.weights.tile16 import pack, unpack
from specs.isa.amx import amx
from specs.kernels import matmul
from specs.schedules import matmul_amx
from tests.kernels.harness import Outputs, aligned
from tests.kernels.sets import flags, has, skip_without_emulation

SEED = 6_007
OPERATIONS = ("matmul", "matmul_add", "swiglu", "geglu")
HALVES = {  # bytes of a block in the file, and where its f16 numbers with the size they shall have
    "q4_1": (20, {0: 0.02, 2: -0.15}),
    "q5_1": (24, {0: 0.01, 2: -0.15}),
    "q8_0": (34, {0: 0.002}),
    "q4_k": (144, {0: 0.0005, 2: 0.004}),
    "q5_k": (176, {0: 0.00025, 2: 0.004}),
    "q6_k": (210, {208: 0.00005}),
}
OUTPUTS = 80
FEWER = not has(amx)
WHOLE = (256,) if FEWER else (256, 768)
BY_BLOCKS = (64, 96) if FEWER else (32, 64, 96, 768)
ROWS = (1, 17, 33, 64) if FEWER else (1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100)
RANGES = ((0, 5), (1, 4)) if FEWER else ((0, 5), (0, 1), (2, 3), (1, 3), (3, 5), (1, 4))
DEPTHS = {name: WHOLE if name.endswith("k") else BY_BLOCKS for name in HALVES}


def random_matrix(type_name: str, rows: int, columns: int, rng) -> np.ndarray:
    """A packed matrix of random blocks, on a 64-byte boundary."""
    size, halves = HALVES[type_name]
    weights = 256 if type_name.endswith("k") else 32
    blocks = rng.integers(0, 256, (rows, columns // weights, size)).astype(np.uint8)
    for place, scale in halves.items():
        values = scale * rng.uniform(0.3, 1, (*blocks.shape[:2], 1))
        blocks[:, :, place : place + 2] = values.astype("<f2").view(np.uint8)
    data = np.frombuffer(pack(type_name, blocks.reshape(rows, -1)), np.uint8)
    out = aligned(data.shape, np.uint8)
    out[:] = data
    return out


def _requests():
    for type_name, depths in DEPTHS.items():
        for k in depths:
            for operation in OPERATIONS:
                yield KernelRequest(operation, type_name, (OUTPUTS, k))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A shared object with every request, and the kernels by operation and type."""
    skip_without_emulation(amx)
    found = {}
    text = ["#include <immintrin.h>", "#include <stddef.h>", "#include <stdint.h>"]
    for type_name in DEPTHS:
        for operation in OPERATIONS:
            own = getattr(matmul, f"{operation}_q4_1").schedules["amx"]
            schedule = replace(own, trace=matmul_amx.products(operation, type_name), free=())
            found[operation, type_name] = replace(
                getattr(matmul, f"{operation}_q4_1"), type=type_name, schedules={"amx": schedule}
            )
    for request in _requests():
        kernel = found[request.operation, request.type]
        parameters = ", ".join(C_TYPES[kind] + name for name, kind in kernel.arguments.items())
        lines = trace(kernel, request, amx).lines
        text += [f"void {request.name}({parameters}) {{", *lines, "}"]
    folder = tmp_path_factory.mktemp("amx")
    (folder / "k.c").write_text("\n".join(text))
    subprocess.run(
        f"gcc -std=gnu11 -O2 -shared -fPIC -Wall -Wextra -Werror {' '.join(flags(amx))} k.c -o k.so",
        cwd=folder,
        shell=True,
        check=True,
    )
    return ctypes.CDLL(str(folder / "k.so")), found


def _activations(rows: int, columns: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows of bfloat16 with junk behind each, and their values."""
    q = aligned((rows, quantized_bytes(columns)), np.uint8)
    bits = bf16_bits(rng.standard_normal((rows, columns)))
    q[:, : 2 * columns] = bits.view(np.uint8)
    return q, bf16_values(bits).astype(np.float64)


@pytest.mark.parametrize("request_", list(_requests()), ids=lambda request: request.name)
def test_edges(library, request_):
    """Every batch with every range: right where asked, and nothing else written."""
    code, found = library
    kernel = found[request_.operation, request_.type]
    k = request_.shape[1]
    rng = np.random.default_rng((SEED, k))
    schedule = kernel.schedules["amx"]
    matrices = [name for name in kernel.arguments if name in ("w", "gate", "up")]
    packed = [random_matrix(request_.type, OUTPUTS, k, rng) for _ in matrices]
    values = [unpack(request_.type, each.tobytes(), OUTPUTS, k) for each in packed]
    names = dict(zip(matrices, values))
    most = max(ROWS)
    q, x = _activations(most, k, rng)
    was = rng.standard_normal((most, OUTPUTS)).astype(np.float32)
    inputs = {"rows": most, "N": OUTPUTS, "K": k, "x": x, "y": was, **names}
    whole = evaluate(kernel.read, inputs, dict.fromkeys("ygh", (most, OUTPUTS)))["y"]
    errors = _errors(x, values)
    for rows in ROWS:
        before, want = was[:rows], whole[:rows]
        few = aligned((rows, q.shape[1]), np.uint8)  # flush against its end
        few[:] = q[:rows]
        for first, last in RANGES:
            y = Outputs(schedule, rows, OUTPUTS)
            if not y.quantised:
                y.cells[:-1] = before
            memory = y.memory.copy()
            arguments = [ctypes.c_size_t(each) for each in (rows, first, last)]
            arguments += [ctypes.c_void_p(each.ctypes.data) for each in (few, *packed, y.memory)]
            getattr(code, request_.name)(*arguments)
            inside = (slice(rows), slice(16 * first, 16 * last))
            error = np.abs(y.values[inside] - want[inside])
            bound = errors[inside] + 1e-5
            if y.quantised:
                bound += 2.0**-8 * np.abs(want[inside])
            assert (error <= bound).all(), f"{rows} rows, {first} to {last}"
            assert y.only_wrote(memory, inside), "wrote what was not asked for"


def _errors(x: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    """How far results may be off when each weight is rounded to bfloat16."""
    parts = [np.abs(x) @ np.abs(each).T * 2.0**-8 for each in matrices]
    if len(parts) == 1:
        return parts[0]
    gate, up = (np.abs(x @ each.T) for each in matrices)
    return 1.2 * parts[0] * (up + parts[1]) + gate * parts[1]  # SiLU and GELU are no steeper
