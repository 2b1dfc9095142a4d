"""The generated forward pass on a small random model, on every instruction set: what it computes
does not depend on how rows are batched, where blocks lie or what other sequences do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model.native import KV_BLOCK_TOKENS, LOGITS_MAX, ROWS_MAX, Pass
from tests.reference.llama import Reference

SETS = ("sse2", "ssse3", "avx2", "avx_vnni", "avx512", "avx512_bf16", "amx", "word32", "word64")


def opened(library, model, packed, name, blocks: int, workers: int = 1) -> Pass:
    """A pass on one instruction set; skips the test where this CPU lacks it."""
    try:
        return Pass(library, model, packed, name, blocks, workers)
    except RuntimeError as error:
        if "expected a set that this CPU has" not in str(error):
            raise
        pytest.skip(f"{name}: {error}")


@pytest.fixture(params=SETS)
def forward(request, tiny):
    """A pass with sixteen blocks of cache."""
    model, _, library, packed = tiny
    return opened(library, model, packed, request.param, 16)


@pytest.fixture(scope="module")
def long_reference(long):
    """8,192 tokens and what the reference says after the last ones."""
    model, path, _, _ = long
    tokens = tokens_of(model, 8192)
    reference = Reference(path)
    table = reference.weights["token_embd.weight"]
    return tokens, reference.hidden(tokens)[-LOGITS_MAX:] @ table.T


@pytest.mark.parametrize("name", SETS)
def test_the_whole_context(name, long, long_reference):
    model, _, library, packed = long
    tokens, expected = long_reference
    blocks = np.random.default_rng(5).permutation(8192 // KV_BLOCK_TOKENS).tolist()
    forward = opened(library, model, packed, name, len(blocks))
    for start in range(0, len(tokens), ROWS_MAX):
        part = range(start, start + ROWS_MAX)
        found = forward.step([(tokens[i], i, blocks, i >= len(tokens) - LOGITS_MAX) for i in part])
    found = np.stack([each for each in found if each is not None])
    assert np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()) < 0.03


def tokens_of(model, count: int, seed: int = 7) -> list[int]:
    return np.random.default_rng(seed).integers(0, model.vocabulary, count).tolist()


def test_agrees_with_the_reference(forward, tiny):
    model, path, _, _ = tiny
    tokens = tokens_of(model, 100)
    expected, found = Reference(path).logits(tokens), forward.logits(tokens)
    error = np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
    assert error < 0.03


def test_rows_of_one_step_are_the_same_one_by_one(forward):
    count = 2 * KV_BLOCK_TOKENS
    tokens = tokens_of(forward.model, 2 * count)
    blocks = [0, 1, 2, 3]
    single = forward.logits(tokens, blocks, step=1)
    many = []
    for start in (0, count):
        rows = [
            (t, start + i, blocks, i >= count - LOGITS_MAX)
            for i, t in enumerate(tokens[start:][:count])
        ]
        many += [
            (start + i, found) for i, found in enumerate(forward.step(rows)) if found is not None
        ]
    assert len(many) == 2 * LOGITS_MAX
    for position, found in many:
        assert np.array_equal(found, single[position])


@pytest.mark.parametrize("step", [3, 5, LOGITS_MAX])
def test_steps_of_any_size_give_the_same_bits(forward, step):
    tokens = tokens_of(forward.model, 50)
    assert np.array_equal(forward.logits(tokens, step=step), forward.logits(tokens, step=1))


@pytest.mark.parametrize("name", SETS)
def test_workers_do_not_change_results(name, tiny, tmp_path):
    model, _, library, packed = tiny
    tokens = tokens_of(model, 100)
    found = []
    for workers in (1, 2, 3):
        own = tmp_path / f"forward{workers}.so"  # a library starts its workers once
        own.write_bytes(library.read_bytes())
        forward = opened(own, model, packed, name, 4, workers)
        found += [forward.logits(tokens, step=7)]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_blocks_may_lie_anywhere(forward):
    tokens = tokens_of(forward.model, 4 * KV_BLOCK_TOKENS)
    assert np.array_equal(
        forward.logits(tokens, [0, 1, 2, 3]), forward.logits(tokens, [13, 2, 15, 7])
    )


def test_sequences_do_not_touch_each_other(forward):
    left, right = tokens_of(forward.model, 70, 1), tokens_of(forward.model, 70, 2)
    alone = forward.logits(left, [0, 1, 2]), forward.logits(right, [3, 4, 5])
    for i in range(70):
        found = forward.step([(left[i], i, [9, 6, 12], True), (right[i], i, [5, 11, 8], True)])
        assert np.array_equal(found[0], alone[0][i])
        assert np.array_equal(found[1], alone[1][i])


def test_hidden_states_of_every_row(forward, tiny):
    """As the embeddings of a prompt want them."""
    model, path, _, _ = tiny
    tokens = tokens_of(model, 10)
    forward.step([(token, i, [0], False) for i, token in enumerate(tokens)], hidden=True)
    expected = Reference(path).hidden(tokens)
    for row in range(10):
        error = np.abs(forward.hidden(row) - expected[row]).max()
        assert error < 0.05 * np.abs(expected[row]).max()


def test_what_is_not_wanted_changes_nothing_else(forward):
    """The last layer leaves out rows of which nothing is wanted: others, and steps that come later,
    find the same bits."""
    left, right = tokens_of(forward.model, 60, 1), tokens_of(forward.model, 60, 2)
    asked = {3, 40, 41, 77, 99}
    rows = [
        (tokens[i], i, blocks, 50 * turn + i in asked)
        for turn, (tokens, blocks) in enumerate(((left, [0, 1]), (right, [2, 3])))
        for i in range(50)
    ]
    later = [(left[50], 50, [0, 1], True), (right[50], 50, [2, 3], True)]
    everything = forward.step(rows, hidden=True) + forward.step(later)
    wanted = forward.step(rows) + forward.step(later)
    assert [i for i, each in enumerate(wanted) if each is not None] == [*sorted(asked), 100, 101]
    for one, other in zip(wanted, everything):
        assert (one is None and other is None) or np.array_equal(one, other)
    nothing = [(token, i, [0, 1], False) for i, token in enumerate(left[:50])]
    assert forward.step(nothing) == [None] * 50
    assert np.array_equal(forward.step(later[:1])[0], wanted[100])


def test_an_unknown_set_is_refused(tiny):
    model, _, library, packed = tiny
    with pytest.raises(RuntimeError, match="isa=neon: expected one of"):
        Pass(library, model, packed, "neon", 1)


def test_without_a_name_a_set_of_this_cpu_runs(tiny):
    model, _, library, packed = tiny
    assert Pass(library, model, packed, None, 1).instruction_set in SETS
