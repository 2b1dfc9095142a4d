"""Draws: their frequencies, their extremes, and what they depend on. What each rule leaves is in
test_sampler_rules.py."""

import ctypes
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import sampling_reference as reference
from tests.engine.sampling import ALL, Sampler, rules_of
from tests.native import with_heap

NAN, INFINITE = float("nan"), float("inf")


def of(sampler, **rules):
    return Sampler(sampler, rules_of(**rules))


def spread(seed, count):
    """Logits as a model's: most are far below a few."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2.5, count)
    logits[draw.integers(0, count, 5)] += draw.uniform(4, 14, 5)
    return logits.astype(np.float32)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-40, 40), min_size=1, max_size=200), st.integers(0, 2**64 - 1))
def test_greedy_takes_the_first_largest(sampler, values, seed):
    assert of(sampler, temperature=0, seed=seed).draw(values) == int(np.argmax(values))


def test_zeroed_rules_are_greedy(sampler):
    rules = rules_of(temperature=0, top_p=0, dynatemp_exponent=0)
    assert Sampler(sampler, rules).draw([1.0, 3.0, 2.0], [1, 1]) == 1


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"top_p": 0.9},
        {"top_k": 30},
        {"min_p": 0.01},
        {"top_k": 40, "top_p": 0.9, "min_p": 0.02},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [6, 64, 130, 700])
def test_frequencies_follow_the_probabilities(sampler, count, rules):
    logits, trials = spread(count, count), 10000
    rules = rules | {"temperature": 1.3, "seed": 5}
    expected = np.zeros(count)
    for token, value in reference.probabilities(reference.chain(logits, rules)).items():
        expected[token] = value
    one = of(sampler, **rules)
    counts = np.bincount([one.draw(logits) for _ in range(trials)], minlength=count)
    deviation = np.sqrt(expected * (1 - expected) / trials)
    assert np.all(np.abs(counts / trials - expected) <= 5.5 * deviation + 1e-4)


def test_equal_seeds_give_equal_streams_and_others_differ(sampler):
    def stream(seed):
        one = of(sampler, seed=seed, xtc_probability=0.5, xtc_threshold=0.01)
        return [one.draw(spread(place, 300)) for place in range(50)]

    assert stream(3) == stream(3) != stream(4)


def test_uniform_numbers_are_in_range(sampler):
    sampler.random_uniform.restype = ctypes.c_float
    state = (ctypes.c_uint64 * 4)()
    sampler.random_seed(state, ctypes.c_uint64(2**64 - 1))
    drawn = [sampler.random_uniform(state) for _ in range(2000)]
    assert 0 <= min(drawn) < 0.01 and 0.99 < max(drawn) < 1


FILTERS = [
    {"top_k": top_k, "top_p": top_p, "min_p": min_p}
    for top_k in (0, 2, 100)
    for top_p in (0.0, 1e-45, 1e-30, 1 - 2**-24, 1.0)
    for min_p in (0.0, 1e-45, 1 - 2**-24, 1.0)
]
MORE = [
    {"typical_p": 0.999},
    {"typical_p": 1e-45, "top_p": 0.5},
    {"top_n_sigma": 1e-30},
    {"top_n_sigma": 1e30},
    {"dynatemp_range": 1e-30, "dynatemp_exponent": 1.0},
    {"min_keep": 3, "top_p": 0.1},
    {"repeat_last_n": 9, "repeat_penalty": 1e-3, "frequency_penalty": 2.0},
]
TEMPERATURES = [1e-45, 1e-40, 2.9e-39, 3e-39, 1e-38, 1e-30, 1e-7]


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_tiny_temperature_is_greedy(sampler, temperature):
    """Also where 1 / temperature is infinite, and beside values that are none or infinitely low."""
    logits = spread(4, 200)
    logits[:3] = NAN, -INFINITE, -3e38
    for rules in FILTERS:
        one = of(sampler, temperature=temperature, **rules)
        assert {one.draw(logits) for _ in range(4)} == {int(np.nanargmax(logits))}, rules


@pytest.mark.parametrize("temperature", [1e3, 1e37, 3e38, INFINITE])
def test_a_huge_temperature_draws_any_number(sampler, temperature):
    logits = spread(4, 200)
    logits[:3] = NAN, -INFINITE, -INFINITE
    for rules in FILTERS + MORE:
        one = of(sampler, temperature=temperature, **rules)
        assert all(np.isfinite(logits[one.draw(logits)]) for _ in range(5)), rules
    one = of(sampler, temperature=temperature)
    assert len({one.draw(logits) for _ in range(300)}) > 100


@pytest.mark.parametrize("first", ["temperature", "top_k"])
@pytest.mark.parametrize("temperature", [0.0, 1e-45, 1e-30, 1.0, 1e37, INFINITE])
def test_extremes_in_other_orders(sampler, first, temperature):
    chain = [first, "xtc", "typical_p", "penalties", "top_n_sigma", "min_p", "top_p"]
    logits = spread(4, 200)
    logits[:3] = NAN, -INFINITE, -3e38
    for rules in FILTERS[::7] + MORE:
        given_rules = {"xtc_probability": 1.0, "xtc_threshold": 0.0} | rules
        one = of(sampler, temperature=temperature, chain=chain, **given_rules)
        assert all(np.isfinite(logits[one.draw(logits, [5, 6])]) for _ in range(4)), rules


@pytest.mark.parametrize("value", [NAN, INFINITE, -INFINITE])
@pytest.mark.parametrize("count", [1, 3, 64, 130])
def test_without_a_largest_number_nothing_is_chosen(sampler, value, count):
    for rules in ({"temperature": 0.0}, {}, {"likelihoods": True, "likeliest": 3}, *MORE):
        assert of(sampler, **rules).draw([value] * count) == -1
    assert of(sampler, temperature=0).draw([1.0, INFINITE]) == -1


def test_a_row_of_which_all_is_forbidden_yields_nothing(sampler):
    assert of(sampler, biases=[(0, -100.0), (1, -INFINITE)]).draw([1.0, 2.0]) == -1


def test_nan_is_never_chosen_beside_a_number(sampler):
    for rules in ({"temperature": 0.0}, {}, *MORE, {"mirostat": 1, "mirostat_tau": 3.0}):
        one = of(sampler, **rules)
        assert {one.draw([NAN, 1.0, NAN, 0.5]) for _ in range(50)} <= {1, 3}


def test_flat_rows_take_no_longer_than_others(sampler):
    """Equal logits are the worst that a partition can meet; all must remain possible."""
    one = of(sampler, top_p=0.5, seed=9)
    drawn = {one.draw([1.5] * 3000) for _ in range(300)}
    assert max(drawn) < 1501 and len(drawn) > 200
    typical = of(sampler, typical_p=0.5)
    assert len({typical.draw([1.5] * 3000) for _ in range(300)}) > 200


EVERY_RULE = {
    "repeat_last_n": ALL,
    "repeat_penalty": 1.2,
    "frequency_penalty": 0.1,
    "top_n_sigma": 2.5,
    "typical_p": 0.95,
    "top_p": 0.95,
    "xtc_probability": 0.5,
    "xtc_threshold": 0.05,
    "dynatemp_range": 0.4,
    "temperature": 1.1,
    "likelihoods": True,
    "likeliest": 4,
}
STREAMS = [
    {"temperature": 0.0},
    {"temperature": 0.9, "top_p": 0.9},
    {"temperature": 1.4},
    EVERY_RULE,
    {"temperature": 1.0, "mirostat": 1, "mirostat_tau": 4.0, "mirostat_eta": 0.3},
]


def streams(lib):
    """Sequences that take turns at one scratch, each with tokens of its own."""
    alive = [(of(lib, seed=3, **rules), [1]) for rules in STREAMS]
    for place in range(25):
        for number, (one, tokens) in enumerate(alive):
            tokens.append(one.draw(spread(100 * number + place, 5003), tokens))
    return [tokens for _, tokens in alive]


def test_workers_do_not_change_what_is_drawn(sampler_library, tmp_path):
    drawn = []
    for workers in (1, 2, 3):
        own = tmp_path / f"sampler{workers}.so"  # a library starts its workers once
        shutil.copy(sampler_library, own)
        lib = with_heap(ctypes.CDLL(str(own)))
        lib.workers_start(ctypes.c_size_t(workers))
        drawn.append(streams(lib))
    assert drawn[0] == drawn[1] == drawn[2]
    assert all(len(set(tokens)) > 10 for tokens in drawn[0])


def test_others_do_not_change_what_is_drawn(sampler):
    """One sequence alone draws what it draws among others."""
    together = streams(sampler)
    for number, rules in enumerate(STREAMS):
        one, tokens = of(sampler, seed=3, **rules), [1]
        for place in range(25):
            tokens.append(one.draw(spread(100 * number + place, 5003), tokens))
        assert tokens == together[number]
