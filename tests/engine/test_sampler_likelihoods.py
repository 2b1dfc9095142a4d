"""Log probabilities that draws tell, against numpy."""

import numpy as np
import pytest

from tests.engine.sampling import Sampler, likeliest, rules_of


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - logits.max() - np.log(np.sum(np.exp(logits - logits.max())))


def row(seed, count=1000):
    return np.random.default_rng(seed).normal(0, 3, count).astype(np.float32)


RULES = [
    {"temperature": 0.0},
    {"temperature": 0.6, "top_k": 5},
    {"biases": [(3, -100.0), (7, 30.0)]},
    {"repeat_last_n": 3, "repeat_penalty": 2.0},
    {"xtc_probability": 1.0, "xtc_threshold": 0.0001},
    {"mirostat": 2, "mirostat_tau": 3.0, "mirostat_eta": 0.1},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("most", [0, 1, 20, 1000])
def test_of_the_model(sampler, rules, most):
    """Whatever the chain does, what is told is what the model gave."""
    one = Sampler(sampler, rules_of(**rules, likelihoods=True, likeliest=most))
    for seed in range(5):
        logits = row(seed)
        expected, drawn = log_softmax(logits), one.next(logits, [3, 4, 3])
        told = likeliest(drawn)
        assert list(told) == list(np.lexsort((np.arange(1000), -logits))[:most])
        np.testing.assert_allclose(list(told.values()), expected[list(told)], atol=2e-5)
        assert abs(drawn.log_probability - expected[drawn.token]) < 2e-5
        assert drawn.log_probability <= 0 and bool(drawn.likeliest) == (most > 0)


@pytest.mark.parametrize("most", [1, 3, 7])
def test_after_the_chain(sampler, most):
    """Of those that are left; then, with probability 0, the likeliest that were left out."""
    logits = [2.0, 1.0, 3.0, 0.5, 2.5, -1.0, 0.0]
    rules = rules_of(top_k=3, likelihoods=True, likeliest=most, after_the_chain=True)
    told = likeliest(Sampler(sampler, rules).next(logits))
    expected = log_softmax([3.0, 2.5, 2.0])
    assert list(told) == [2, 4, 0, 1, 3, 6, 5][:most]
    np.testing.assert_allclose(list(told.values())[:3], expected[:most], atol=1e-5)
    assert all(value == -np.inf for value in list(told.values())[3:])


def test_after_a_greedy_chain_one_token_is_certain(sampler):
    rules = rules_of(temperature=0, likelihoods=True, likeliest=10, after_the_chain=True)
    logits = row(1)
    drawn = Sampler(sampler, rules).next(logits)
    told = likeliest(drawn)
    assert next(iter(told)) == drawn.token == int(np.argmax(logits)) and len(told) == 10
    assert drawn.log_probability == 0 and list(told.values()) == [0.0] + [-np.inf] * 9


def test_a_forbidden_token_is_told_with_what_the_model_gave_it(sampler):
    rules = {"biases": [(1, float("-inf"))], "temperature": 0.0, "likelihoods": True}
    before = Sampler(sampler, rules_of(**rules, likeliest=1)).next([0.0, 5.0, 1.0])
    assert before.token == 2 and list(likeliest(before)) == [1]
    after = Sampler(sampler, rules_of(**rules, likeliest=3, after_the_chain=True))
    assert list(likeliest(after.next([0.0, 5.0, 1.0]))) == [2, 1, 0]


def test_more_than_there_are(sampler):
    for after in (False, True):
        rules = rules_of(likelihoods=True, likeliest=50, after_the_chain=after)
        assert len(likeliest(Sampler(sampler, rules).next([1.0, 2.0, 3.0]))) == 3


def test_telling_changes_no_draw(sampler):
    streams = []
    for told in ({}, {"likelihoods": True}, {"likelihoods": True, "likeliest": 9}):
        for after in (False, True):
            rules = {"temperature": 1.2, "top_p": 0.9, "seed": 5}
            one = Sampler(sampler, rules_of(**rules, **told, after_the_chain=after))
            streams.append([one.draw(row(seed)) for seed in range(40)])
    assert all(stream == streams[0] for stream in streams) and len(set(streams[0])) > 10


def test_none_are_told_unless_asked_for(sampler):
    drawn = Sampler(sampler, rules_of(likeliest=4)).next([1.0, 2.0])
    assert drawn.log_probability == 0 and drawn.likeliest_count == 0 and not drawn.likeliest
