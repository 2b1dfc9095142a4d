"""Activation memory: nothing that is live at one time overlaps, whatever the pass looks like."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.lower.model.plan import ALIGNMENT, Lifetime, aligned, plan


@st.composite
def dags(draw):
    """A random program: operation i makes value i from earlier values; a value lives from its
    operation to its last reader."""
    count = draw(st.integers(1, 40))
    last = list(range(count))
    for i in range(1, count):
        for source in draw(st.lists(st.integers(0, i - 1), max_size=3)):
            last[source] = i
    sizes = draw(st.lists(st.integers(1, 5000), min_size=count, max_size=count))
    return [Lifetime(i, sizes[i], i, last[i]) for i in range(count)]


@settings(max_examples=300, deadline=None)
@given(dags())
def test_live_buffers_never_overlap(lifetimes):
    offsets, total = plan(lifetimes)
    for a in lifetimes:
        assert offsets[a.key] % ALIGNMENT == 0
        assert offsets[a.key] >= 0 and offsets[a.key] + a.size <= total
        for b in lifetimes:
            if a.key < b.key and a.first <= b.last and b.first <= a.last:
                first, second = sorted((a, b), key=lambda each: offsets[each.key])
                assert offsets[first.key] + first.size <= offsets[second.key]


@settings(max_examples=100, deadline=None)
@given(dags())
def test_size_is_between_the_peak_and_the_sum(lifetimes):
    _, total = plan(lifetimes)
    steps = range(len(lifetimes))
    peak = max(sum(aligned(b.size) for b in lifetimes if b.first <= i <= b.last) for i in steps)
    assert peak <= total <= sum(aligned(b.size) for b in lifetimes)


def test_memory_is_used_again():
    chain = [Lifetime(i, 64, i, i + 1) for i in range(10)]
    assert plan(chain)[1] == 128
