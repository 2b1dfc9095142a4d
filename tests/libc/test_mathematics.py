"""Real-number functions against float64, in ulp; and the same bits from i386 as from x86_64."""

import ctypes
import struct
import subprocess

import numpy as np
import pytest

from tests.libc import freestanding


@pytest.fixture(scope="module")
def mathematics(subset):
    for name in ("exp", "log", "sqrt", "pow"):
        function = getattr(subset, f"kernel_math_{name}")
        function.restype = ctypes.c_float
        function.argtypes = [ctypes.c_float] * (2 if name == "pow" else 1)
    subset.kernel_math_sin_cos.argtypes = [ctypes.c_double] + [ctypes.POINTER(ctypes.c_float)] * 2
    return subset


def apply(function, values):
    return np.array([function(float(x)) for x in values], np.float32)


def ulp_error(ours, exact):
    """Distance in units of the float spacing at the exact result."""
    spacing = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return np.max(np.abs(ours.astype(np.float64) - exact) / spacing)


@pytest.fixture(scope="module")
def random():
    return np.random.default_rng(20240607)


def test_exp(mathematics, random):
    values = np.concatenate([
        random.uniform(-103, 88.7, 20000), random.uniform(-1, 1, 5000), np.linspace(-88, -86, 500),
        [0, -0.0, 1e-30, -1e-30, 88.72283, -103.2],
    ]).astype(np.float32)  # fmt: skip
    ours = apply(mathematics.kernel_math_exp, values)
    assert ulp_error(ours, np.exp(values.astype(np.float64))) < 0.51


def test_exp_beyond_a_float(mathematics):
    exp = mathematics.kernel_math_exp
    assert exp(88.8) == exp(1e30) == exp(np.inf) == np.inf
    assert exp(-104) == exp(-1e30) == exp(-np.inf) == 0
    assert np.isnan(exp(np.nan))


def test_log(mathematics, random):
    values = np.concatenate([
        np.exp(random.uniform(-103, 88, 20000)), random.uniform(0.5, 2, 5000),
        1 + random.uniform(-1e-3, 1e-3, 5000), [1, 2, 0.5, 1e-45, 3.4e38],
    ]).astype(np.float32)  # fmt: skip
    ours = apply(mathematics.kernel_math_log, values)
    exact = np.log(values.astype(np.float64))
    assert ulp_error(ours, exact) < 0.51
    assert mathematics.kernel_math_log(1) == 0


def test_log_outside_its_domain(mathematics):
    log = mathematics.kernel_math_log
    assert log(0) == -np.inf and log(np.inf) == np.inf
    assert np.isnan(log(-1)) and np.isnan(log(np.nan))


def test_sqrt_is_correctly_rounded(mathematics, random):
    values = np.concatenate([np.exp(random.uniform(-100, 88, 10000)), [0, 1, 4, 1e-45]]).astype(
        np.float32
    )
    assert np.array_equal(apply(mathematics.kernel_math_sqrt, values), np.sqrt(values))
    assert mathematics.kernel_math_sqrt(np.inf) == np.inf
    assert np.isnan(mathematics.kernel_math_sqrt(-1))


def test_pow(mathematics, random):
    base = np.exp(random.uniform(-20, 20, 10000)).astype(np.float32)
    power = random.uniform(-4, 4, 10000).astype(np.float32)
    ours = np.array(
        [mathematics.kernel_math_pow(float(x), float(y)) for x, y in zip(base, power)], np.float32
    )
    assert ulp_error(ours, base.astype(np.float64) ** power.astype(np.float64)) < 0.51
    assert mathematics.kernel_math_pow(2, 200) == np.inf
    assert mathematics.kernel_math_pow(2, -200) == 0
    assert mathematics.kernel_math_pow(3, 0) == 1


def test_sine_and_cosine(mathematics, random):
    angles = np.concatenate([
        random.uniform(-(2.0**20), 2.0**20, 20000), random.uniform(-10, 10, 10000),
        np.arange(-50, 50) * np.pi / 4, np.arange(0, 8192) * 1.0, [0.0],
    ])  # fmt: skip
    sine, cosine = ctypes.c_float(), ctypes.c_float()
    worst = 0.0
    for angle in angles:
        mathematics.kernel_math_sin_cos(angle, ctypes.byref(sine), ctypes.byref(cosine))
        worst = max(worst, abs(sine.value - np.sin(angle)), abs(cosine.value - np.cos(angle)))
    assert worst < 1e-7


def test_the_same_bits_on_both_targets(tmp_path, random):
    """The freestanding builds for i386 and x86_64 read the same numbers and print the same."""
    reals = np.concatenate([random.uniform(-100, 88, 1000), random.normal(0, 1, 700),
                            random.uniform(-1e6, 1e6, 700), [0.0, 1e-310, -5e-324]])  # fmt: skip
    words = random.integers(1, 2**64, (len(reals), 2), np.uint64) >> random.integers(
        0, 63, (len(reals), 2), np.uint64
    )
    records = b"".join(
        struct.pack("<dQQ", x, int(a), int(b) or 1) for x, (a, b) in zip(reals, words)
    )
    outputs = {}
    for target in ("x86_64", "i386"):
        program = freestanding.program(tmp_path, target)
        try:
            run = subprocess.run([program], input=records, stdout=subprocess.PIPE, check=True)
        except OSError:
            pytest.skip(f"this machine cannot run {target} programs")
        outputs[target] = run.stdout
    assert len(outputs["i386"]) == 160 * len(reals)
    assert outputs["i386"] == outputs["x86_64"]
    texts = [outputs["i386"][at + 64 : at + 160] for at in range(0, len(outputs["i386"]), 160)]
    for text, x, (a, b) in zip(texts, reals, words):
        signed = ctypes.c_int64(int(b) or 1).value
        assert text.rstrip(b"\0").decode() == f"{x:.17g} {int(a):x} {signed} 4 {x:5.1f}"
