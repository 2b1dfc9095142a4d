"""What jobs ask of the sampler, through the engine: ends, likelihoods, and draws beside guesses."""

import math

from tests.engine.conftest import STOP, VOCABULARY
from tests.engine.sampling import rules_of
from tests.engine.test_reuse import prompt_of


def ends_early(engine):
    """A prompt whose answer ends by itself, after one token or more."""
    for seed in range(200):
        prompt = prompt_of(seed, 9)
        answer = engine.answer(prompt, 40, cache_prompt=False)
        if answer.end == STOP and 3 <= answer.figures["answer_tokens"] <= 20:
            return prompt, answer
    raise AssertionError("no prompt ends early")


def test_no_end_token_before_so_many(started):
    engine = started(96)
    prompt, free = ends_early(engine)
    count = free.figures["answer_tokens"]
    same = engine.answer(prompt, 40, cache_prompt=False, min_tokens=count - 1)
    assert (same.text, same.end) == (free.text, STOP)
    longer = engine.answer(prompt, 40, cache_prompt=False, min_tokens=count)
    assert longer.text.startswith(free.text) and longer.figures["answer_tokens"] > count


def test_no_end_token_at_all(started):
    engine = started(96)
    prompt, free = ends_early(engine)
    answer = engine.answer(prompt, 40, cache_prompt=False, ignore_end=True)
    assert answer.figures["answer_tokens"] == 40 and answer.text.startswith(free.text)


def test_each_token_comes_with_its_likelihoods(started):
    """Of the small model the likeliest token has a logit of 2, all others of 0."""
    engine = started(96)
    prompt, free = ends_early(engine)
    rules = rules_of(temperature=0, likelihoods=True, likeliest=3)
    answer = engine.answer(prompt, 40, cache_prompt=False, every_token=True, sampling=rules)
    assert answer.text == free.text and len(answer.likeliest) == free.figures["answer_tokens"]
    mass = math.exp(2) + VOCABULARY - 1
    for token, told in zip(answer.tokens, answer.likeliest):
        assert next(iter(told)) == token and len(told) == 3
        for value, expected in zip(told.values(), (2, 0, 0)):
            assert abs(value - (expected - math.log(mass))) < 1e-5
