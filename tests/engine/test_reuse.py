"""Prefix reuse: the same answers with and without, and no block lost, whatever happens."""

import random

import pytest

from tests.engine.conftest import BLOCK, CONTEXT, FAILED, LENGTH, STOP, VOCABULARY


def prompt_of(seed, count):
    draw = random.Random(seed)
    return [draw.randrange(1, VOCABULARY) for _ in range(count)]


def check(engine, generation):
    assert generation.end in (STOP, LENGTH)
    assert generation.text == engine.expected(generation.prompt, generation.most)
    assert generation.figures["prompt_tokens"] == len(generation.prompt)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 31, 32, 33, 64, 65])
def test_a_prompt_again_computes_only_its_end(started, count):
    engine, prompt = started(96), prompt_of(count, count)
    first = engine.answer(prompt)
    rows = engine.number("test_rows").value
    again = engine.answer(prompt)
    for each in (first, again):
        check(engine, each)
    assert first.figures["cached_tokens"] == 0
    reused = (count - 1) // BLOCK * BLOCK
    assert again.figures["cached_tokens"] == reused
    assert engine.number("test_rows").value - rows == rows - reused
    assert engine.idle[0] == engine.blocks


def test_a_conversation_goes_on_from_its_answer(started):
    engine, said = started(96), prompt_of(1, 21)
    known = 1
    for turn in range(4):
        answer = engine.answer(said, 9)
        check(engine, answer)
        # all that was computed: the tokens before, but for the last one, in whole blocks
        assert answer.figures["cached_tokens"] == (known - 1) // BLOCK * BLOCK
        said = said + ["abcdefghijklmnopqrstuvwxyz".index(c) for c in answer.text]
        known = len(said) + (answer.end == STOP)
        said += prompt_of(turn, 3)


def test_what_differs_in_one_token_is_not_reused(started):
    engine, prompt = started(96), prompt_of(2, 40)
    engine.answer(prompt)
    for at in (0, 3, 4, 17, 35, 39):
        other = list(prompt)
        other[at] = other[at] % (VOCABULARY - 1) + 1
        answer = engine.answer(other)
        check(engine, answer)
        assert answer.figures["cached_tokens"] == min(at // BLOCK * BLOCK, 36)


@pytest.mark.parametrize("order", [[1, 2, 3], [1, 0, 2], [2, 0, 1], [1, 1, 0]])
def test_the_same_tokens_elsewhere_are_not_reused(started, order):
    engine, prompt = started(96), prompt_of(3, 13)
    engine.answer(prompt)
    moved = [token for block in order for token in prompt[block * BLOCK : (block + 1) * BLOCK]]
    answer = engine.answer(moved)
    check(engine, answer)
    assert answer.figures["cached_tokens"] == 0


def test_without_reuse_nothing_is_taken_or_left(started):
    engine, prompt = started(96), prompt_of(4, 30)
    check(engine, engine.answer(prompt, cache_prompt=False))
    assert engine.idle == (engine.blocks, 0)
    engine.answer(prompt)
    kept = engine.idle
    answer = engine.answer(prompt, cache_prompt=False)
    check(engine, answer)
    assert answer.figures["cached_tokens"] == 0 and engine.idle == kept


def test_embeddings_compute_every_row(started):
    engine, tokens = started(96), prompt_of(5, 30)
    first = engine.embed(tokens)
    assert engine.idle == (engine.blocks, 0)
    engine.answer(tokens)
    rows = engine.number("test_rows").value
    assert engine.embed(tokens) == first
    assert engine.number("test_rows").value - rows == len(tokens)


def test_what_a_broken_model_computed_is_not_kept(started):
    engine, prompt = started(96), prompt_of(6, 30)
    broken = engine.number("test_broken")
    broken.value = 1
    assert engine.answer(prompt).end == FAILED
    assert engine.idle == (engine.blocks, 0)
    broken.value = 0
    check(engine, engine.answer(prompt))


def test_the_least_recently_used_makes_room(started):
    engine = started(CONTEXT // BLOCK)  # room for one context
    old, used, new = (prompt_of(seed, 28) for seed in (10, 11, 12))
    for prompt in (old, used, old, used):
        check(engine, engine.answer(prompt, 1))
    check(engine, engine.answer(new + prompt_of(13, 40), 1))  # 17 blocks: more than were idle
    assert engine.answer(old, 1).figures["cached_tokens"] < 24
    for prompt in (old, used, new):
        check(engine, engine.answer(prompt, 1))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("blocks", [24, 29, 96])
def test_conversations_in_turns_under_pressure(started, seed, blocks):
    """Several conversations that share beginnings, begun, gone on with, cut off and cancelled at
    any moment, while there is room for little more than one of them."""
    engine, draw = started(blocks), random.Random(seed)
    context = min(CONTEXT, blocks * BLOCK)
    beginnings = [prompt_of(seed * 10 + i, draw.randrange(1, 50)) for i in range(4)]
    running, cancelled, reused = [], [], 0
    for _ in range(150):
        action = draw.random()
        if action < 0.5:
            said = list(draw.choice(beginnings))[: draw.randrange(1, 60)]
            said += prompt_of(draw.randrange(5), draw.randrange(0, 9))
            generation = engine.submit(said, draw.randrange(1, 30), draw.random() < 0.9)
            assert generation.refused == 0
            running.append(generation)
        elif action < 0.6 and running:
            generation = running.pop(draw.randrange(len(running)))
            if generation.end is None:
                generation.cancel()
                cancelled.append((generation, generation.text))
        elif action < 0.65:
            beginnings[draw.randrange(4)] = prompt_of(draw.randrange(1000), draw.randrange(1, 60))
        else:
            engine.poll(draw.randrange(1, 200))
        assert all(len(each.prompt) + 1 <= context for each in running)
        done = [each for each in running if each.end is not None]
        running = [each for each in running if each.end is None]
        for each in done:
            check(engine, each)
            reused += each.figures["cached_tokens"]
    engine.poll()
    for each in running:
        check(engine, each)
    for each, text in cancelled:
        assert each.end is None and each.text == text, "no callback follows a cancellation"
    assert engine.idle[0] == engine.blocks
    assert reused > 0
