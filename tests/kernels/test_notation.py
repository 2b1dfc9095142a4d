"""Index notation: what it computes, and what each mistake is told."""

from __future__ import annotations

import numpy as np
import pytest

from cllm_gen.notation.evaluate import evaluate, run_meaning
from cllm_gen.notation.index import read_algorithm, read_meaning
from cllm_gen.source import Span, SpecError
from cllm_gen.spec.isa import Instruction, InstructionSet, RegisterFile

MALFORMED_ALGORITHMS = [  # text, line of the mistake, what the message must say
    ("y[r] = x[r]", 1, "index 'r' without a range"),
    ("for r < R\ny[r] = x[r", 2, "the end of the line"),
    ("for r < R\ny[r] x[r]", 2, "="),
    ("for r R\ny[r] = x[r]", 1, "<"),
    ("for r < R\ny[r] = sine(x[r])", 2, "sine of 1"),
    ("for r < R\ny[r] = max(x[r])", 2, "max of 1"),
    ("for r < R\ny[r] = x[r] $ 2", 2, "'$ 2'"),
    ("for r < R\ny[r] = sum(k: x[r, k])", 2, ":"),
    ("f(a: i16[8]) -> i16[8] = a[i]", 1, "an instruction"),
]
MALFORMED_MEANINGS = [
    ("add(a: i16[8]) -> i16[8] = a[i] + b[i]", "operand 'b'"),
    ("add(a: i15[8]) -> i16[8] = a[i]", "i15"),
    ("add(a: i16[8]) i16[8] = a[i]", "->"),
    ("add(a: i16[8]) -> i16[8]", "="),
    ("y[0] = 1", "a statement"),
    ("add(a: i16[8]) -> i16[8] = a[j]", "operand 'j'"),
    ("add(a: i16[2][2][2]) -> i16[8] = a[i]", ")"),
]


@pytest.mark.parametrize("text,line,message", MALFORMED_ALGORITHMS)
def test_malformed_algorithms(text, line, message):
    with pytest.raises(SpecError) as caught:
        read_algorithm(text, Span("specs/kernels/wrong.py", 10))
    assert message in str(caught.value)
    assert "expected:" in str(caught.value) and "example:" in str(caught.value)
    assert (caught.value.span.path, caught.value.span.line) == ("specs/kernels/wrong.py", 9 + line)


@pytest.mark.parametrize("text,message", MALFORMED_MEANINGS)
def test_malformed_meanings(text, message):
    with pytest.raises(SpecError) as caught:
        read_meaning(text)
    assert message in str(caught.value)
    assert "example:" in str(caught.value)


def test_an_algorithm_computes_what_numpy_does():
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 5)), rng.standard_normal((3, 5))
    text = """
        for r < rows, n < N
        peak[r] = maximum(k < K: abs(x[r, k]))
        y[r, n] = sum(k < K: x[r, k] * w[n, k])
            / peak[r] - 2 * (n == 1)
    """
    found = evaluate(
        read_algorithm(text),
        {"rows": 2, "N": 3, "K": 5, "x": x, "w": w},
        {"peak": (2,), "y": (2, 3)},
    )
    want = x @ w.T / np.abs(x).max(axis=1, keepdims=True) - 2 * (np.arange(3) == 1)
    assert np.allclose(found["y"], want)


def test_a_written_input_is_read_as_it_was():
    found = evaluate(
        read_algorithm("for i < 2\nx[i] = x[1 - i]\nx[i] = x[i] + 10 * x[1 - i]"),
        {"x": np.array([1.0, 2.0])},
        {"x": (2,)},
    )
    assert found["x"].tolist() == [21.0, 12.0]


def test_lanes_wrap_and_saturate():
    wrap = read_meaning("add(a: i16[2], b: i16[2]) -> i16[2] = a[i] + b[i]")
    hold = read_meaning("add(a: i16[2], b: i16[2]) -> i16[2] = saturate_i16(a[i] + b[i])")
    lanes = {"a": [32767, -32768], "b": [1, -1]}
    assert run_meaning(wrap, lanes).tolist() == [-32768, 32767]
    assert run_meaning(hold, lanes).tolist() == [32767, -32768]


def test_rows_and_columns_in_two_dimensions():
    text = "turn(a: i32[2][3], b: i32[3]) -> i32[3][2] = a[j, i] + b[i] + sum(k < 2: a[k, i])"
    meaning = read_meaning(text)
    assert meaning.result.shape == (3, 2) and str(meaning.parameters[0][1]) == "i32[2][3]"
    a, b = np.arange(6).reshape(2, 3), np.array([100, 200, 300])
    want = a.T + b[:, None] + a.sum(0)[:, None]
    assert np.array_equal(run_meaning(meaning, {"a": a, "b": b}), want)


def test_bfloat16_is_rounded_to_even():
    meaning = read_meaning("round(a: f32[4]) -> bf16[4] = a[i]")
    values = np.array([1, 1 + 2.0**-8, 1 + 3 * 2.0**-8, -1 - 2.0**-7 - 2.0**-8], np.float32)
    found = run_meaning(meaning, {"a": values})
    assert found.tolist() == [0x3F80, 0x3F80, 0x3F82, 0xBF82]
    wide = read_meaning("widen(a: bf16[4]) -> f32[4] = a[i]")
    assert run_meaning(wide, {"a": found}).tolist() == [1, 1, 1 + 2.0**-6, -1 - 2.0**-6]


def _set(*instructions, base=None):
    return InstructionSet(
        name="toy",
        summary="",
        flags=(),
        features=(),
        instructions=instructions,
        base=base,
        registers=(RegisterFile("__m128i", 128, ("i16", "i32"), {64: 16}),),
    )


def test_illegal_instructions_cannot_be_constructed():
    with pytest.raises(SpecError, match="each parameter in braces"):
        Instruction("f({a})", "add(a: i16[8], b: i16[8]) -> i16[8] = a[i] + b[i]")
    with pytest.raises(SpecError, match="fills one of its registers"):
        _set(Instruction("f({a})", "half(a: i16[4]) -> i16[4] = a[i]"))
    twice = Instruction("f({a})", "same(a: i16[8]) -> i16[8] = a[i]")
    with pytest.raises(SpecError, match="a second instruction same"):
        _set(twice, twice)
