"""Rules that look at the tokens before, and at single tokens: penalties, DRY, biases, ends."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import sampling_reference as reference
from tests.engine.sampling import ALL, Sampler, left, rules_of
from tests.engine.test_sampler_rules import check, values

tokens_of_two = st.lists(st.integers(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize("last", [0, 1, 5, 64, ALL])
@settings(max_examples=60, deadline=None)
@given(
    logits=values,
    tokens=tokens_of_two,
    repeat=st.sampled_from([0.5, 1.0, 1.7]),
    presence=st.sampled_from([-2.0, 0.0, 0.7]),
    frequency=st.sampled_from([-0.3, 0.0, 0.2]),
)
def test_penalties(sampler, last, logits, tokens, repeat, presence, frequency):
    rules = {
        "repeat_last_n": last,
        "repeat_penalty": repeat,
        "presence_penalty": presence,
        "frequency_penalty": frequency,
    }
    check(sampler, logits, rules, tokens)


def set_words(lib, words):
    texts = [ctypes.c_char_p(word) for word in words]
    (ctypes.c_char_p * 4096).in_dll(lib, "test_words")[: len(words)] = words
    (ctypes.c_size_t * 4096).in_dll(lib, "test_word_sizes")[: len(words)] = list(map(len, words))
    return texts


WORDS = [b"a", b"b", b"ab", b"\n", b"a\n", b"\nb", b": ", b"ba:", b"--", b"-"]


@pytest.mark.parametrize("breakers", [[], [b"\n"], [b"\n", b":", b'"', b"*"], [b"a\nb", b"---"]])
@settings(max_examples=250, deadline=None)
@given(
    tokens=st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=60),
    allowed=st.integers(0, 3),
    last=st.sampled_from([1, 3, 20, ALL]),
    again=st.integers(0, 12),
)
def test_dry(sampler, breakers, tokens, allowed, last, again):
    kept = set_words(sampler, WORDS)
    tokens = tokens + tokens[:again]  # so that there is something to go on with
    rules = {
        "dry_multiplier": 0.8,
        "dry_base": 1.37,
        "dry_allowed_length": allowed,
        "dry_last_n": last,
        "breakers": breakers,
    }
    logits = np.linspace(-1, 1, len(WORDS))
    check(sampler, logits, rules, tokens, WORDS)
    assert len(kept) == len(WORDS)


def test_dry_sees_repetitions(sampler):
    """And the reference with it: `a b` came twice, and `ab` followed on it."""
    kept = set_words(sampler, WORDS)
    rules = {"dry_multiplier": 5.0, "dry_base": 2.0, "dry_allowed_length": 2, "dry_last_n": ALL}
    told = {"likelihoods": True, "likeliest": len(WORDS), "after_the_chain": True}
    one = Sampler(sampler, rules_of(**rules, **told))
    probabilities = left(one.next([0.0] * len(WORDS), [0, 1, 2, 9, 0, 1]), len(WORDS))
    assert np.argmin(probabilities) == 2 and probabilities[2] < 0.01 and len(kept)


@pytest.mark.parametrize("base, allowed", [(1.0, 0), (1e30, 0), (1.0000001, 2), (3.0, 0)])
def test_long_repetitions_have_a_finite_penalty(sampler, base, allowed):
    kept = set_words(sampler, WORDS)
    rules = rules_of(dry_multiplier=7.0, dry_base=base, dry_allowed_length=allowed, dry_last_n=ALL)
    one = Sampler(sampler, rules)
    assert {one.draw([0.0, 0.0], [0, 1] * 600) for _ in range(40)} <= {0, 1} and kept


def test_a_rule_after_a_filter_changes_what_is_left(sampler):
    """A penalised token does not come back, and no other comes in."""
    chain = ["top_k", "penalties"]
    penalty = {"repeat_last_n": 4, "repeat_penalty": 1.0, "presence_penalty": 9.0}
    check(sampler, [3.0, 2.0, 1.0, 0.5], {"chain": chain, "top_k": 2, **penalty}, [0, 2])
    check(sampler, [3.0, 2.0, 1.0, 0.5], {"chain": chain[::-1], "top_k": 2, **penalty}, [0, 2])


@pytest.mark.parametrize("bias", [-100.0, -1e30, float("-inf")])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0, 1e6])
def test_a_banned_token_is_never_drawn(sampler, bias, temperature):
    biases = [(3, bias), (70, bias)]
    one = Sampler(sampler, rules_of(biases=biases, temperature=temperature))
    logits = [0.0] * 90
    logits[3] = logits[70] = 300.0
    assert not {one.draw(logits) for _ in range(300)} & {3, 70}


@settings(max_examples=100, deadline=None)
@given(
    logits=values,
    biases=st.lists(st.tuples(st.integers(0, 1), st.integers(-20, 20)), max_size=6),
)
def test_biases_add_up(sampler, logits, biases):
    told = {"likelihoods": True, "likeliest": len(logits), "after_the_chain": True}
    one = Sampler(sampler, rules_of(biases=biases, temperature=1.3, **told))
    expected = np.array(logits)
    for token, bias in biases:
        expected[token] += bias
    kept = reference.probabilities(dict(enumerate(expected / 1.3)))
    np.testing.assert_allclose(
        left(one.next(logits), len(logits)), list(kept.values()), rtol=2e-4, atol=2e-7
    )


def test_biases_come_before_all_rules(sampler):
    rules = rules_of(biases=[(5, 50.0)], top_k=1, chain=["top_k"])
    assert Sampler(sampler, rules).draw([1.0] * 9) == 5


def test_a_bias_of_an_unknown_token_does_nothing(sampler):
    rules = rules_of(biases=[(9, 50.0), (-1, 50.0), (2**31 - 1, 50.0)], temperature=0)
    assert Sampler(sampler, rules).draw([1.0] * 8 + [2.0]) == 8


def test_ends_are_forbidden_where_it_is_asked_for(sampler):
    ends = (ctypes.c_int32 * 8).in_dll(sampler, "test_ends")
    ends[:2] = [2, 4000]
    ctypes.c_size_t.in_dll(sampler, "test_end_count").value = 2
    for temperature in (0.0, 1.0):
        one = Sampler(sampler, rules_of(temperature=temperature))
        logits = [0.0, 1.0, 40.0, 2.0]
        assert {one.draw(logits, forbid_end=True) for _ in range(60)} <= {0, 1, 3}
        assert {one.draw(logits) for _ in range(60)} == {2}


def test_what_the_request_points_to_is_copied(sampler):
    """Who asked may release biases and breakers at once; the heap has all back at the end."""
    kept = set_words(sampler, WORDS)
    used = heap_used(sampler)
    rules = rules_of(
        biases=[(0, -100.0)],
        breakers=[b"a"],
        dry_multiplier=50.0,
        dry_base=1.0,
        dry_last_n=ALL,
        dry_allowed_length=1,
        temperature=0,
        likelihoods=True,
        likeliest=2,
    )
    one = Sampler(sampler, rules)
    rules.biases[0].token = 1
    rules.dry_breakers[0].bytes = b"b"
    assert one.draw([9.0, 1.0, 0.0], [1, 1]) == 2 and kept
    one.release()
    one.release()
    assert heap_used(sampler) == used


def heap_used(lib):
    class Statistics(ctypes.Structure):
        _fields_ = [(name, ctypes.c_size_t) for name in ("total", "used", "peak")]
        _fields_ += [(name, ctypes.c_uint64) for name in ("allocations", "releases", "failures")]

    lib.heap_statistics.restype = Statistics
    return lib.heap_statistics().used


def test_without_memory_it_says_so(sampler):
    biases = [(0, 1.0)] * (1 << 20)
    used = heap_used(sampler)
    one = Sampler(sampler, rules_of(biases=biases))
    assert not one.started and heap_used(sampler) == used
    one.release()
