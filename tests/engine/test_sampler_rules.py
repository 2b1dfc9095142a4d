"""What each rule leaves, alone and in chains, against the reference of sampling_reference.py: the
probabilities of all tokens after the chain, as the draw tells them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import sampling_reference as reference
from tests.engine.sampling import RULES, Sampler, left, likeliest, rules_of

ONE_RULE: list[dict[str, Any]] = [
    *({"temperature": value} for value in (0.0, 0.31, 0.7, 1.9, 12.0)),
    *({"top_k": value} for value in (1, 2, 7, 39, 1000)),
    *({"top_p": value} for value in (0.0, 0.11, 0.53, 0.93, 0.9993)),
    *({"min_p": value} for value in (0.0037, 0.037, 0.29, 0.999)),
    *({"typical_p": value} for value in (0.013, 0.23, 0.71, 0.97)),
    *({"top_n_sigma": value} for value in (0.37, 1.13, 3.71)),
    *({"xtc_probability": 1.0, "xtc_threshold": value} for value in (0.013, 0.071, 0.17, 0.43)),
    *({"dynatemp_range": value, "dynatemp_exponent": 0.9} for value in (0.2, 0.8, 3.0)),
    {"temperature": 0.7, "dynatemp_range": 0.5, "dynatemp_exponent": 2.5},
    {"temperature": 0.0, "dynatemp_range": 0.5, "dynatemp_exponent": 0.0},
]
WITH_LEAST = [rules for rules in ONE_RULE if rules.keys() & {"top_p", "min_p", "typical_p"}]
values = st.lists(st.integers(-9, 9), min_size=2, max_size=150).map(
    lambda drawn: [0.37 * value for value in drawn]
)


def check(sampler, logits, rules, tokens=(0,), words=()):
    logits = np.asarray(logits, np.float32)
    given_rules = rules_of(**rules, likelihoods=True, likeliest=len(logits), after_the_chain=True)
    one = Sampler(sampler, given_rules)
    probabilities = left(one.next(logits, tokens), len(logits))
    one.release()
    kept = reference.chain(logits, rules, tokens, words)
    expected = np.zeros(len(logits))
    for token, probability in reference.probabilities(kept).items():
        expected[token] = probability
    assert np.flatnonzero(probabilities[list(kept)] == 0).size == 0
    np.testing.assert_allclose(probabilities, expected, rtol=2e-4, atol=2e-7)


@pytest.mark.parametrize("rules", ONE_RULE, ids=str)
@settings(max_examples=40, deadline=None)
@given(logits=values)
def test_one_rule(sampler, rules, logits):
    check(sampler, logits, rules)


@pytest.mark.parametrize("least", [1, 3, 50])
@pytest.mark.parametrize("rules", WITH_LEAST, ids=str)
@settings(max_examples=15, deadline=None)
@given(logits=values)
def test_min_keep(sampler, rules, least, logits):
    check(sampler, logits, rules | {"min_keep": least})


FILTERS: dict[str, dict[str, Any]] = {
    "top_n_sigma": {"top_n_sigma": 1.57},
    "top_k": {"top_k": 23},
    "typical_p": {"typical_p": 0.87},
    "top_p": {"top_p": 0.83},
    "min_p": {"min_p": 0.023},
    "xtc": {"xtc_probability": 1.0, "xtc_threshold": 0.083},
    "temperature": {"temperature": 1.63},
    "penalties": {
        "repeat_last_n": 20,
        "repeat_penalty": 1.3,
        "presence_penalty": 0.4,
        "frequency_penalty": -0.15,
    },
}
EVERYTHING = {key: value for rules in FILTERS.values() for key, value in rules.items()}


@settings(max_examples=400, deadline=None)
@given(
    logits=values,
    order=st.permutations(list(FILTERS)),
    count=st.integers(0, len(FILTERS)),
    tokens=st.lists(st.integers(0, 1), min_size=1, max_size=30),
)
def test_a_chain_is_obeyed_in_its_order(sampler, logits, order, count, tokens):
    """Rules that are set but not in the chain do nothing."""
    check(sampler, logits, EVERYTHING | {"chain": order[:count]}, tokens)


@settings(max_examples=100, deadline=None)
@given(logits=values, tokens=st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_without_a_chain_the_usual_one_is_taken(sampler, logits, tokens):
    check(sampler, logits, EVERYTHING, tokens)


@settings(max_examples=100, deadline=None)
@given(logits=values, chain=st.lists(st.sampled_from(list(FILTERS)), min_size=9, max_size=16))
def test_a_rule_may_stand_twice_in_a_chain(sampler, logits, chain):
    check(sampler, logits, EVERYTHING | {"chain": chain}, [1, 0, 1])


@settings(max_examples=100, deadline=None)
@given(logits=values, order=st.permutations(list(FILTERS)))
def test_after_zero_temperature_there_is_no_choice(sampler, logits, order):
    """Wherever temperature stands, what comes later has one token left, and what comes before was
    obeyed: typical_p, xtc and penalties may change which one it is."""
    check(sampler, logits, EVERYTHING | {"chain": order, "temperature": 0.0}, [1, 0, 1])


def test_orders_differ():
    """Else the tests above would not see a wrong one."""
    logits = [0.37 * value for value in range(-9, 10)]
    texts = {
        str(reference.probabilities(reference.chain(logits, EVERYTHING | {"chain": chain})))
        for chain in (list(FILTERS), list(FILTERS)[::-1], ["top_p", "temperature"])
    }
    assert len(texts) == 3


NEUTRAL = {
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": 0.0,
    "xtc_probability": 0.0,
    "xtc_threshold": 0.1,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repeat_last_n": 64,
    "dry_multiplier": 0.0,
    "dry_base": 1.75,
    "dry_last_n": 64,
    "dynatemp_range": 0.0,
    "mirostat_tau": 5.0,
    "mirostat_eta": 0.1,
}


@pytest.mark.parametrize("temperature", [0.0, 0.8, 1.0])
def test_neutral_values_change_nothing(sampler, temperature):
    """Not even which random numbers are used."""
    logits = np.random.default_rng(2).normal(0, 2, (30, 300))
    streams = []
    for rules in ({}, NEUTRAL, NEUTRAL | {"xtc_probability": 1.0, "xtc_threshold": 0.51}):
        one = Sampler(sampler, rules_of(**rules, temperature=temperature, seed=9))
        streams.append([one.draw(row, [5, 6, 5, 6, 5]) for row in logits])
    assert streams[0] == streams[1] == streams[2]


def test_xtc_comes_as_often_as_it_should(sampler):
    logits, trials = [3.0, 2.5, 0.0, -1.0], 4000
    rules = rules_of(
        xtc_probability=0.3, xtc_threshold=0.1, top_k=2, seed=4, chain=["top_k", "xtc"]
    )
    one = Sampler(sampler, rules)
    probability = reference.probabilities({0: 3.0, 1: 2.5})[0] * 0.7  # not left out, and drawn
    drawn = sum(one.draw(logits) == 0 for _ in range(trials))
    assert abs(drawn - trials * probability) < 5 * np.sqrt(trials * probability)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("seed", range(4))
def test_mirostat(sampler, version, temperature, seed):
    """Draw after draw: what each draws from depends on the surprise of those before."""
    tau, eta, count = 2.3, 0.21, 211
    rules = {"temperature": temperature, "mirostat_tau": tau, "mirostat_eta": eta, "seed": seed}
    ignored = {"top_k": 3, "top_p": 0.1, "min_p": 0.9, "repeat_penalty": 9.0, "repeat_last_n": 9}
    told = {"likelihoods": True, "likeliest": count, "after_the_chain": True}
    one = Sampler(sampler, rules_of(mirostat=version, **rules, **ignored, **told))
    source, mu, sizes = np.random.default_rng(seed), 2 * tau, set()
    for _ in range(40):
        logits = source.normal(0, 2.2, count).astype(np.float32)
        drawn = one.next(logits)
        scaled = {token: value / temperature for token, value in enumerate(map(float, logits))}
        kept = reference.probabilities(reference.mirostat(scaled, version, mu, count))
        probabilities = left(drawn, count)
        assert abs(np.count_nonzero(probabilities) - len(kept)) <= (version == 1)  # a rounded k
        if np.count_nonzero(probabilities) == len(kept):
            expected = [kept.get(token, 0) for token in range(count)]
            np.testing.assert_allclose(probabilities, expected, rtol=2e-4)
        sizes.add(len(kept))
        mu -= eta * (-np.log2(probabilities[drawn.token]) - tau)
    assert len(sizes) > 5


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("logits", [[1.0], [1.0] * 150, [0.0, 1.0], [9.0] + [-80.0] * 99])
@pytest.mark.parametrize("tau", [0.0, 5.0, 1000.0])
def test_mirostat_always_finds_a_token(sampler, version, logits, tau):
    one = Sampler(sampler, rules_of(mirostat=version, mirostat_tau=tau, mirostat_eta=1.0))
    assert all(0 <= one.draw(logits) < len(logits) for _ in range(50))


def test_mirostat_at_zero_temperature_is_greedy(sampler):
    logits = np.random.default_rng(1).normal(0, 2, 99)
    rules = rules_of(temperature=0, mirostat=2, mirostat_tau=5.0, mirostat_eta=0.1)
    assert Sampler(sampler, rules).draw(logits) == int(np.argmax(logits))


def test_rules_are_numbered_as_here(sampler):
    """A chain of one rule does what that rule does."""
    logits = [0.37 * value for value in range(-9, 10)]
    for rule in RULES:
        if rule != "dry":
            check(sampler, logits, EVERYTHING | {"chain": [rule]}, [1, 2, 1])


@pytest.mark.parametrize("count", [63, 64, 65, 128, 500])
def test_long_rows(sampler, count):
    """Chunks, levels and partitions make no difference."""
    source = np.random.default_rng(count)
    logits = source.normal(0, 2.5, count)
    logits[source.integers(0, count, 5)] += source.uniform(4, 14, 5)
    for rules in ONE_RULE:
        check(sampler, logits, rules)
    told = rules_of(likelihoods=True, likeliest=5)
    assert len(likeliest(Sampler(sampler, told).next(logits))) == 5
