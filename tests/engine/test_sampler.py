"""Sampling against a float64 numpy model of the same rules."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.native import library


class Sampling(ctypes.Structure):
    _fields_ = [
        ("temperature", ctypes.c_float),
        ("top_k", ctypes.c_uint32),
        ("top_p", ctypes.c_float),
        ("min_p", ctypes.c_float),
        ("seed", ctypes.c_uint64),
    ]


@pytest.fixture(scope="session")
def sampler(tmp_path_factory):
    lib = library(
        tmp_path_factory.mktemp("sampler"),
        ["kernel_static/engine/sampler.c", "kernel_static/lib/mathematics.c"],
    )
    lib.random_uniform.restype = ctypes.c_float
    return lib


def draw(lib, logits, random, **settings_):
    rules = Sampling(
        **{"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 0} | settings_
    )
    logits = np.ascontiguousarray(logits, np.float32)
    scratch = (ctypes.c_uint64 * len(logits))()
    return lib.sampler_draw(
        ctypes.byref(rules),
        random,
        logits.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_size_t(len(logits)),
        scratch,
    )


def seeded(lib, seed):
    state = (ctypes.c_uint64 * 4)()
    lib.random_seed(state, ctypes.c_uint64(seed))
    return state


def allowed(logits, temperature, top_k, top_p, min_p):
    """Probabilities after all filters, in float64."""
    weights = np.exp((logits - logits.max()) / temperature)
    order = np.lexsort((np.arange(len(logits)), -weights))
    if top_k:
        order = order[:top_k]
    mass = weights[order].sum()
    before = np.concatenate([[0], np.cumsum(weights[order])[:-1]])
    keep = (before < top_p * mass) & (weights[order] >= min_p)
    keep[0] = True
    cut = len(keep) if keep.all() else int(np.argmin(keep))
    result = np.zeros(len(logits))
    result[order[:cut]] = weights[order[:cut]]
    return result / result.sum()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=60), st.integers(0, 2**64 - 1))
def test_greedy_takes_the_first_largest(sampler, values, seed):
    assert draw(sampler, values, seeded(sampler, seed), temperature=0) == int(np.argmax(values))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(-8, 8), min_size=2, max_size=40),
    st.sampled_from([0.3, 0.7, 1.0, 1.9]),
    st.integers(0, 12),
    st.sampled_from([0.11, 0.53, 0.93, 1.0]),
    st.sampled_from([0.0, 0.037, 0.29]),
    st.integers(0, 2**64 - 1),
)
def test_never_draws_what_the_filters_drop(sampler, values, temperature, top_k, top_p, min_p, seed):
    logits = np.array(values, np.float64) * 0.5
    keep = allowed(logits, temperature, top_k, top_p, min_p)
    random = seeded(sampler, seed)
    for _ in range(20):
        token = draw(
            sampler, logits, random, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
        )
        assert keep[token] > 0


def test_frequencies_follow_the_probabilities(sampler):
    logits = np.array([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])
    expected = allowed(logits, 0.8, 5, 0.95, 0.02)
    random, trials = seeded(sampler, 7), 20000
    counts = np.bincount(
        [
            draw(sampler, logits, random, temperature=0.8, top_k=5, top_p=0.95, min_p=0.02)
            for _ in range(trials)
        ],
        minlength=6,
    )
    deviation = np.sqrt(expected * (1 - expected) / trials)
    assert np.all(np.abs(counts / trials - expected) <= 5 * deviation)


def test_equal_seeds_give_equal_streams_and_others_differ(sampler):
    def stream(seed):
        state = seeded(sampler, seed)
        return [sampler.random_uniform(state) for _ in range(50)]

    assert stream(3) == stream(3) != stream(4)
    assert all(0 <= value < 1 for value in stream(3))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("count", [1, 3, 64, 130])
def test_without_a_largest_number_nothing_is_chosen(sampler, value, count):
    for temperature in (0.0, 1.0):
        assert draw(sampler, [value] * count, seeded(sampler, 1), temperature=temperature) == -1
    assert draw(sampler, [1.0, float("inf")], seeded(sampler, 1), temperature=0) == -1


def test_nan_is_never_chosen_beside_a_number(sampler):
    logits = [float("nan"), 1.0, float("nan"), 0.5]
    for temperature in (0.0, 1.0):
        random = seeded(sampler, 1)
        assert {draw(sampler, logits, random, temperature=temperature) for _ in range(50)} <= {1, 3}
