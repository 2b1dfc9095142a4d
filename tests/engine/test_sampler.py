"""Sampling against a float64 numpy model of the same rules."""

import ctypes
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.conftest import Sampling


@pytest.fixture(scope="session")
def sampler(compiled):
    lib = ctypes.CDLL(str(compiled))
    lib.random_uniform.restype = ctypes.c_float
    return lib


def draw(lib, logits, random, **settings_):
    rules = Sampling(
        **{"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 0} | settings_
    )
    logits = np.ascontiguousarray(logits, np.float32)
    scratch = (ctypes.c_uint64 * (lib.sampler_scratch(ctypes.c_size_t(len(logits))) // 8))()
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


FILTERS = [
    {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    for top_k in (0, 2, 100)
    for top_p in (0.0, 1e-45, 1e-30, 1 - 2**-24, 1.0)
    for min_p in (0.0, 1e-45, 1 - 2**-24, 1.0)
]


@pytest.mark.parametrize("temperature", [1e-45, 1e-40, 2.9e-39, 3e-39, 1e-38, 1e-30, 1e-7])
def test_a_tiny_temperature_is_greedy(sampler, temperature):
    """Also where 1 / temperature is infinite, and beside values that are none or infinitely low."""
    logits = spread(4, 200)
    logits[:3] = float("nan"), float("-inf"), -3e38
    random, best = seeded(sampler, 11), int(np.nanargmax(logits))
    for rules in FILTERS:
        drawn = {draw(sampler, logits, random, temperature=temperature, **rules) for _ in range(5)}
        assert drawn == {best}, rules


@pytest.mark.parametrize("temperature", [1e3, 1e37, 3e38, float("inf")])
def test_a_huge_temperature_draws_any_number(sampler, temperature):
    logits = spread(4, 200)
    logits[:3] = float("nan"), float("-inf"), float("-inf")
    random = seeded(sampler, 11)
    for rules in FILTERS:
        drawn = {draw(sampler, logits, random, temperature=temperature, **rules) for _ in range(5)}
        assert all(np.isfinite(logits[token]) for token in drawn), rules
    assert len({draw(sampler, logits, random, temperature=temperature) for _ in range(300)}) > 100


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


def spread(seed, count):
    """Logits as a model's: most are far below a few."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2.5, count)
    logits[draw.integers(0, count, 5)] += draw.uniform(4, 14, 5)
    return logits.astype(np.float32)


SIZES = [61, 64, 65, 127, 128, 129, 1000, 5003]


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("seed", range(3))
def test_long_rows_obey_the_filters(sampler, count, seed):
    """Chunks, levels and partitions make no difference. What rounding may decide, at the very edge
    of a filter, is not looked at."""
    logits, random = spread(seed, count), seeded(sampler, seed)
    assert draw(sampler, logits, random, temperature=0) == int(np.argmax(logits))
    for temperature in (0.6, 1.0, 1.9):
        for top_k in (0, 2, 7, count // 3, count + 5):
            for top_p in (0.0, 0.37, 0.92, 0.9999, 1.0):
                for min_p in (0.0, 0.003, 0.21):
                    keep = allowed(
                        logits.astype(float),
                        temperature,
                        top_k,
                        min(top_p + 1e-4, 1),
                        min_p * 0.999,
                    )
                    rules = {"top_k": top_k, "top_p": top_p, "min_p": min_p}
                    for _ in range(4):
                        token = draw(sampler, logits, random, temperature=temperature, **rules)
                        assert keep[token] > 0, (seed, temperature, rules)


@pytest.mark.parametrize("rules", [{}, {"top_p": 0.9}, {"top_k": 30}, {"min_p": 0.01}])
@pytest.mark.parametrize("count", [64, 130, 700])
def test_frequencies_of_long_rows(sampler, count, rules):
    logits, random, trials = spread(count, count), seeded(sampler, 5), 20000
    expected = allowed(
        logits.astype(float),
        1.3,
        rules.get("top_k", 0),
        rules.get("top_p", 1),
        rules.get("min_p", 0),
    )
    drawn = [draw(sampler, logits, random, temperature=1.3, **rules) for _ in range(trials)]
    counts = np.bincount(drawn, minlength=count)
    deviation = np.sqrt(expected * (1 - expected) / trials)
    assert np.all(np.abs(counts / trials - expected) <= 5.5 * deviation + 1e-4)


def test_flat_rows_take_no_longer_than_others(sampler):
    """Equal logits are the worst that a partition can meet; all must remain possible."""
    random = seeded(sampler, 9)
    drawn = {draw(sampler, [1.5] * 3000, random, top_p=0.5) for _ in range(300)}
    assert max(drawn) < 1501 and len(drawn) > 200


def test_workers_do_not_change_what_is_drawn(compiled, tmp_path):
    drawn = []
    for workers in (1, 2, 3):
        own = tmp_path / f"sampler{workers}.so"  # a library starts its workers once
        shutil.copy(compiled, own)
        lib = ctypes.CDLL(str(own))
        ctypes.c_bool.in_dll(lib, "test_real_clock").value = True
        lib.workers_start(ctypes.c_size_t(workers))
        random, logits = seeded(lib, 3), spread(3, 5003)
        drawn.append(
            [
                draw(lib, logits, random, temperature=temperature, top_p=top_p)
                for temperature in (0.0, 0.9, 1.4)
                for top_p in (1.0, 0.9)
                for _ in range(20)
            ]
        )
    assert drawn[0] == drawn[1] == drawn[2] and len(set(drawn[0])) > 10
