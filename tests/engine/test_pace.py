"""How many rows steps take, by a clock that the test moves."""

import pytest

from tests.engine.test_reuse import check, prompt_of

MILLISECOND = 1_000_000


@pytest.mark.parametrize(
    "stage, row, rows",
    [(0, 0, 32), (0, MILLISECOND, 32), (0, 2 * MILLISECOND, 16), (0, 20 * MILLISECOND, 8)],
)
def test_steps_grow_as_stages_allow(started, stage, row, rows):
    engine, prompt = started(96), prompt_of(1, 80)
    engine.number("test_stage_nanoseconds").value = stage
    engine.number("test_row_nanoseconds").value = row
    answer = engine.answer(prompt, cache_prompt=False)
    check(engine, answer)
    assert engine.number("test_longest_step").value == engine.lib.pace_rows() == rows


def test_a_machine_that_becomes_slow_gets_shorter_steps(started):
    engine = started(96)
    for milliseconds, rows in ((1, 32), (6, 8), (3, 16), (1, 32)):
        engine.number("test_row_nanoseconds").value = milliseconds * MILLISECOND
        check(engine, engine.answer(prompt_of(2, 80), 1, cache_prompt=False))
        assert engine.lib.pace_rows() == rows


def test_an_answer_teaches_nothing(started):
    """Steps of one row cost what reading the weights costs, not what a row costs."""
    engine = started(96)
    check(engine, engine.answer(prompt_of(3, 80), 1, cache_prompt=False))
    engine.number("test_stage_nanoseconds").value = 30 * MILLISECOND
    check(engine, engine.answer(prompt_of(4, 3), 20))
    assert engine.lib.pace_rows() == 32


def test_figures_count_what_the_clock_says(started):
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = MILLISECOND
    figures = engine.answer(prompt_of(5, 40), 9).figures
    first = engine.number("test_steps").value - (figures["answer_tokens"] - 1)
    assert figures["prompt_nanoseconds"] == first * 5 * MILLISECOND
    assert figures["answer_nanoseconds"] == (figures["answer_tokens"] - 1) * 5 * MILLISECOND
