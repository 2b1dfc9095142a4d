"""How many rows steps take, by a clock that the test moves."""

import ctypes
import itertools
import random

import pytest

from tests.engine.test_reuse import check, prompt_of

MILLISECOND = 1_000_000


@pytest.mark.parametrize(
    "stage, row, rows",
    [(0, 0, 32), (0, MILLISECOND, 32), (0, 2 * MILLISECOND, 24), (0, 20 * MILLISECOND, 8)],
)
def test_steps_grow_as_stages_allow(started, stage, row, rows):
    engine, prompt = started(96), prompt_of(1, 80)
    engine.number("test_stage_nanoseconds").value = stage
    engine.number("test_row_nanoseconds").value = row
    answer = engine.answer(prompt, cache_prompt=False)
    check(engine, answer)
    assert engine.number("test_longest_step").value == engine.lib.pace_rows(0) == rows


def test_a_machine_that_becomes_slow_gets_shorter_steps(started):
    engine = started(96)
    for milliseconds, rows in ((1, 32), (6, 8), (3, 16), (1, 32)):
        engine.number("test_row_nanoseconds").value = milliseconds * MILLISECOND
        check(engine, engine.answer(prompt_of(2, 80), 1, cache_prompt=False))
        assert engine.lib.pace_rows(0) == rows


def test_an_answer_teaches_nothing(started):
    """Steps of one row cost what reading the weights costs, not what a row costs."""
    engine = started(96)
    check(engine, engine.answer(prompt_of(3, 80), 1, cache_prompt=False))
    engine.number("test_stage_nanoseconds").value = 30 * MILLISECOND
    check(engine, engine.answer(prompt_of(4, 3), 20))
    assert engine.lib.pace_rows(0) == 32


def test_figures_count_what_the_clock_says(started):
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = MILLISECOND
    figures = engine.answer(prompt_of(5, 40), 9).figures
    first = engine.number("test_steps").value - (figures["answer_tokens"] - 1)
    assert figures["prompt_nanoseconds"] == first * 5 * MILLISECOND
    assert figures["answer_nanoseconds"] == (figures["answer_tokens"] - 1) * 5 * MILLISECOND


def test_prompts_stretch_the_steps_of_others_so_far_and_no_further(started):
    """Beside answers, a prompt has as many rows as make a step two and a half times as long."""
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = 4 * MILLISECOND
    engine.number("test_row_nanoseconds").value = MILLISECOND
    check(engine, engine.answer(prompt_of(6, 80), 1, cache_prompt=False))
    check(engine, engine.answer(prompt_of(7, 3), 9, cache_prompt=False))
    answers = 4
    rows, cost = engine.lib.pace_rows(answers), engine.lib.pace_cost
    assert 8 <= rows < 32
    assert cost(answers + rows) <= 5 * cost(answers) // 2 < cost(answers + 2 * rows)


def test_what_one_size_takes_bounds_what_others_are_believed_to(started):
    engine = started(96)
    learn, cost = engine.lib.pace_learn, engine.lib.pace_cost
    learn.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_uint64]
    draw = random.Random(5)
    for _ in range(500):
        rows = draw.randrange(1, 600)
        learn(rows, 5, draw.randrange(1, 10**9))
        sizes = [cost(rows) for rows in range(1, 1200)]
        assert all(a <= b for a, b in itertools.pairwise(sizes))
        assert sizes[-1] / 1199 <= sizes[599] / 600 * 1.01
