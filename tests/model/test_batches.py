"""How a prompt is cut into steps changes no bit, whatever the set: the engine takes as many rows as
the machine's pace allows, and leaves out those whose blocks it knows. Attention is cut at fixed
positions, so that some rows of long steps have room for all their stretches and others do not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.model import native
from tests.model.native import KV_BLOCK_TOKENS, ROWS_MAX
from tests.model.test_forward import SETS, opened, tokens_of

COUNT = ROWS_MAX + 3 * KV_BLOCK_TOKENS + 5
BLOCKS = [17, 19, 10, 14, 5, 18, 16, 11, 4, 8, 6, 0, 13, 1, 2, 15, 12, 3, 9, 7]
STRETCH = 128


@pytest.fixture(scope="module")
def cut(long, tmp_path_factory, sets):
    """The long model with short stretches."""
    model, path, _, packed = long
    folder = tmp_path_factory.mktemp("cut")
    return model, path, native.build(folder, model, sets, stretch=STRETCH), packed


def last_logits(forward, tokens, starts):
    """Runs the tokens in steps that begin at `starts`; logits after the last token."""
    for start, end in zip(starts, [*starts[1:], len(tokens)]):
        rows = [(tokens[i], i, BLOCKS, i == len(tokens) - 1) for i in range(start, end)]
        found = forward.step(rows)
    return found[-1]


@pytest.mark.parametrize("name", SETS)
def test_any_cut_gives_the_same_bits(name, cut):
    model, _, library, packed = cut
    forward = opened(library, model, packed, name, len(BLOCKS) + 1)
    tokens = tokens_of(model, COUNT)
    expected = last_logits(forward, tokens, range(COUNT))
    draw = np.random.default_rng(17)
    cuts = [[0, ROWS_MAX], list(range(0, COUNT, 8)), list(range(0, COUNT, 128))]
    for _ in range(6):
        chosen = np.sort(draw.choice(np.arange(1, COUNT), draw.integers(2, 9), replace=False))
        starts = [0, *chosen.tolist()]
        if max(np.diff([*starts, COUNT])) <= ROWS_MAX:
            cuts.append(starts)
    for starts in cuts:
        assert np.array_equal(last_logits(forward, tokens, starts), expected), starts


@pytest.mark.parametrize("name", SETS)
def test_what_is_in_the_cache_need_not_be_computed_again(name, cut):
    model, _, library, packed = cut
    forward = opened(library, model, packed, name, len(BLOCKS) + 1)
    tokens = tokens_of(model, COUNT)
    expected = last_logits(forward, tokens, [0, 256])
    for blocks in (1, 2, 5, 10):
        kept = blocks * KV_BLOCK_TOKENS
        other = tokens[:kept] + tokens_of(model, COUNT - kept, seed=blocks)
        last_logits(forward, other, [0, 256])
        again = [kept, *(start for start in (200, 300) if start > kept)]
        assert np.array_equal(last_logits(forward, tokens, again), expected)


@pytest.mark.parametrize("name", SETS)
def test_workers_with_rows_of_their_own_change_no_bit(name, cut, tmp_path):
    """A step of so many rows that two workers each have some, and take work from each other."""
    model, _, library, packed = cut
    tokens = tokens_of(model, COUNT)
    found = []
    for workers in (1, 2):
        own = tmp_path / f"forward{workers}.so"  # a library starts its workers once
        own.write_bytes(library.read_bytes())
        forward = opened(own, model, packed, name, len(BLOCKS) + 1, workers)
        found += [last_logits(forward, tokens, [0, ROWS_MAX]) for _ in range(4)]
    assert all(np.array_equal(each, found[0]) for each in found)
