"""Who is in the next step: jobs side by side, fairly, within bounds, and each with the answer that it
would have had alone."""

import ctypes
import random

import pytest

from tests.engine.conftest import (
    BLOCK,
    CONTEXT,
    EXPIRED,
    HEARTBEAT_SECONDS,
    PLACES,
    QUEUE,
    QUEUE_FULL,
    QUEUE_SECONDS,
    SECOND,
    SHARE_FULL,
    STOP_TEXT,
    TIME,
    VOCABULARY,
)
from tests.engine.test_pace import MILLISECOND
from tests.engine.test_reuse import check, prompt_of


def prompt_with_answer(engine, seed, count, least):
    """A prompt whose answer has at least so many tokens before it ends."""
    while len(engine.expected(prompt_of(seed, count), least)) < least:
        seed += 1000
    return prompt_of(seed, count)


def until(engine, happens, slices=100_000):
    while not happens():
        assert slices and engine.lib.engine_poll()
        slices -= 1


def test_answers_share_steps(started):
    engine = started(96)
    jobs = [engine.submit(prompt_with_answer(engine, seed, 5, 12), 12) for seed in range(PLACES)]
    engine.poll()
    for job in jobs:
        check(engine, job)
    assert engine.number("test_most_jobs").value == PLACES
    assert engine.number("test_steps").value < 2 * 12, "nowhere near the sum of their lengths"


def test_a_short_answer_does_not_wait_for_a_long_one(started):
    engine = started(96)
    long = engine.submit(prompt_with_answer(engine, 1, 5, 60), 60)
    until(engine, lambda: long.text)
    short = engine.submit(prompt_with_answer(engine, 2, 5, 2), 2)
    until(engine, lambda: short.end is not None)
    assert long.end is None and len(long.text) < 12
    engine.poll()
    check(engine, long)
    check(engine, short)


def test_a_long_prompt_does_not_stall_answers(started):
    """While it is computed in pieces, every step still yields the other's next token."""
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = MILLISECOND
    engine.number("test_row_nanoseconds").value = MILLISECOND
    answer = engine.submit(prompt_with_answer(engine, 3, 3, 40), 40, every_token=True)
    until(engine, lambda: len(answer.tokens) > 8)
    before = len(answer.tokens), engine.number("test_steps").value
    prompt = engine.submit(prompt_of(4, 88), 1)
    until(engine, lambda: prompt.end is not None)
    tokens = len(answer.tokens) - before[0]
    steps = engine.number("test_steps").value - before[1]
    assert steps >= 88 // 32 and tokens >= steps - 1
    engine.poll()
    check(engine, answer)


def test_a_short_prompt_overtakes_a_long_one_that_came_just_before(started):
    engine = started(96)
    engine.number("test_row_nanoseconds").value = 20 * MILLISECOND  # 8 rows a step
    long, short = engine.submit(prompt_of(5, 80), 1), engine.submit(prompt_of(6, 6), 1)
    until(engine, lambda: short.end is not None)
    assert long.end is None
    engine.poll()
    check(engine, long)


def test_nobody_is_overtaken_for_ever(started):
    engine = started(96)
    engine.number("test_row_nanoseconds").value = 20 * MILLISECOND
    long, others = engine.submit(prompt_of(7, 80), 1), []
    while long.end is None:
        assert len(others) < 100
        others.append(engine.submit(prompt_of(100 + len(others), 8), 1))
        until(engine, lambda last=others[-1]: last.end is not None or long.end is not None)
    check(engine, long)


def test_clients_have_equal_shares(started):
    """One asks for one thing after the other, one for ten at a time: each gets half of the rows."""
    engine = started(96)
    engine.number("test_row_nanoseconds").value = 6 * MILLISECOND
    greedy, modest, done = [], [], []
    for turn in range(24):
        while len(greedy) < 10:
            seed = 1000 + turn * 10 + len(greedy)
            greedy.append(engine.submit(prompt_of(seed, 40), 1, client=1, cache_prompt=False))
        job = engine.submit(prompt_of(turn, 40), 1, client=2, cache_prompt=False)
        until(engine, lambda job=job: job.end is not None)
        modest.append(job)
        done += [each for each in greedy if each.end is not None]
        greedy = [each for each in greedy if each.end is None]
    assert all(each.refused == 0 for each in modest)
    assert abs(len(done) - len(modest)) <= 3


def test_a_client_without_a_place_gets_one_of_who_has_most(started):
    engine = started(96)
    many = [
        engine.submit(prompt_with_answer(engine, 10 * seed, 4, 40), 40, client=1)
        for seed in range(PLACES)
    ]
    until(engine, lambda: all(job.text for job in many))
    other = engine.submit(prompt_with_answer(engine, 77, 4, 2), 2, client=2)
    until(engine, lambda: other.end is not None)
    assert all(job.end is None for job in many)
    assert engine.counts.preemptions == 1
    engine.poll()
    for job in [*many, other]:
        check(engine, job)


def test_the_queue_keeps_room_for_others(started):
    engine = started(96)
    jobs = [engine.submit(prompt_of(seed, 9), 2, client=1) for seed in range(QUEUE)]
    taken = [job for job in jobs if job.refused == 0]
    assert {job.refused for job in jobs} == {0, SHARE_FULL}
    assert len(taken) == QUEUE // 2
    client = 2
    while engine.counts.waiting < QUEUE:
        others = engine.submit(prompt_of(client, 9), 2, client=client)
        assert others.refused == 0, "every newcomer is taken as long as there is room"
        taken.append(others)
        client += 1
    assert engine.submit(prompt_of(1, 9), client=999).refused == QUEUE_FULL
    assert 1 <= engine.lib.engine_retry_seconds() <= 60
    engine.poll()
    for job in taken:
        check(engine, job)
    assert engine.counts.waiting == engine.counts.running == 0


def test_parts_of_an_exchange_are_not_refused(started):
    engine = started(96)
    jobs = [engine.submit(prompt_of(seed, 3), 2, continues=seed > 0) for seed in range(2 * QUEUE)]
    assert {job.refused for job in jobs} == {0}
    engine.poll()
    for job in jobs:
        check(engine, job)


def test_copies_share_their_prompts_blocks(started):
    """What one of several equal prompts computes, the others take."""
    engine, prompt = started(96), prompt_of(8, 30)
    jobs = [engine.submit(prompt, 4) for _ in range(PLACES)]
    engine.poll()
    for job in jobs:
        check(engine, job)
    cached = sorted(job.figures["cached_tokens"] for job in jobs)
    assert cached == [0] + [28] * (PLACES - 1)


def test_blocks_run_short(started):
    """Answers grow beyond the pool: the newest gives its blocks back, and nobody notices."""
    engine = started(CONTEXT // BLOCK)
    jobs = [
        engine.submit(prompt_with_answer(engine, 50 * seed, 6, 50), 50, client=seed)
        for seed in range(4)
    ]
    engine.poll()
    for job in jobs:
        check(engine, job)
    assert engine.counts.preemptions > 0
    assert engine.idle[0] == engine.blocks


def test_who_waits_too_long_is_told(started):
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = SECOND // 5
    running = [
        engine.submit(prompt_with_answer(engine, 30 * seed, 3, 50), 50) for seed in range(PLACES)
    ]
    until(engine, lambda: all(job.text for job in running))
    late = engine.submit(prompt_of(60, 3), 2)
    until(engine, lambda: late.end is not None)
    assert late.end == EXPIRED and late.figures["answer_tokens"] == 0
    waited = late.figures["queue_nanoseconds"] / SECOND
    assert QUEUE_SECONDS <= waited < QUEUE_SECONDS + 2
    assert (
        QUEUE_SECONDS // HEARTBEAT_SECONDS - 3 <= late.waited <= QUEUE_SECONDS // HEARTBEAT_SECONDS
    )
    engine.poll()
    for job in running:
        check(engine, job)
        assert job.waited <= 1, "only before its first token"


def test_an_answer_has_its_time(started):
    """It counts from the first token, and only once a line was begun: never in this vocabulary."""
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = MILLISECOND
    job = engine.submit(prompt_with_answer(engine, 1, 5, 30), 30, answer_nanoseconds=1)
    engine.poll()
    check(engine, job)
    assert job.end != TIME


def test_progress_tells_what_is_stored(started):
    engine = started(96)
    engine.number("test_row_nanoseconds").value = 20 * MILLISECOND
    job = engine.submit(prompt_of(9, 30), 2)
    engine.poll()
    assert job.progress == [8, 16, 24]


def test_the_stop_that_was_met_is_named(started):
    engine = started(96)
    prompt = prompt_with_answer(engine, 90, 5, 12)
    said = engine.expected(prompt, 12)
    stops = (b"!", said[5:7].encode())
    job = engine.answer(prompt, 12, stops=stops)
    assert (job.end, job.stop) == (STOP_TEXT, 1)
    assert job.text == said[: said.index(said[5:7])]


def test_every_token_is_told(started):
    engine = started(96)
    prompt = prompt_with_answer(engine, 91, 5, 12)
    job = engine.answer(prompt, 12, every_token=True)
    check(engine, job)
    assert "".join("abcdefghijklmnopqrstuvwxyz"[token] for token in job.tokens) == job.text


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("blocks", [24, 40, 150])
def test_random_arrivals(started, seed, blocks):
    """Jobs come, are cancelled at any moment (from their own callbacks too), and share a pool that
    may be too small for them: whoever is not cancelled ends with the answer that it has alone; no
    block, place or client is lost."""
    engine, draw = started(blocks), random.Random(seed)
    engine.number("test_row_nanoseconds").value = draw.choice([0, 1, 5, 20]) * MILLISECOND
    engine.number("test_stage_nanoseconds").value = draw.choice([0, 2]) * MILLISECOND
    beginnings = [prompt_of(seed * 10 + i, draw.randrange(1, 50)) for i in range(3)]
    jobs, cancelled = [], []

    def cancel(job):
        if job.end is None and job not in [each for each, _ in cancelled]:
            job.cancel()
            cancelled.append((job, job.text))

    for _ in range(200):
        if draw.random() < 0.4:
            prompt = list(draw.choice(beginnings))[: draw.randrange(1, 50)]
            prompt += prompt_of(draw.randrange(5), draw.randrange(0, 9))
            job = engine.submit(
                prompt,
                draw.randrange(1, 40),
                draw.random() < 0.8,
                client=draw.randrange(4),
                every_token=draw.random() < 0.3,
            )
            if job.refused == 0:
                jobs.append(job)
                if draw.random() < 0.1:
                    job.on_piece = lambda job=job: cancel(job)
        elif jobs and draw.random() < 0.1:
            cancel(draw.choice(jobs))
        else:
            engine.poll(draw.randrange(1, 60))
        assert engine.counts.running <= PLACES
    engine.poll()
    gone = [job for job, _ in cancelled]
    for job, text in cancelled:
        assert job.end is None and job.text == text, "no callback follows a cancellation"
    for job in jobs:
        if job not in gone:
            if job.end == EXPIRED:
                assert job.figures["queue_nanoseconds"] >= QUEUE_SECONDS * SECOND and not job.text
            else:
                check(engine, job)
    assert engine.idle[0] == engine.blocks
    assert engine.counts.running == engine.counts.waiting == engine.counts.waiting_tokens == 0


@pytest.mark.parametrize("every_token", [False, True])
def test_guesses_change_nothing_but_the_number_of_steps(started, every_token):
    """Where an answer repeats itself, several tokens come out of one step."""
    engine = started(96)
    engine.number("test_forgetful", ctypes.c_bool).value = True
    engine.number("test_stage_nanoseconds").value = 100 * MILLISECOND  # and rows cost nothing
    engine.answer(prompt_of(3, 40), 1, cache_prompt=False)  # now the pace knows
    start = next(t for t in range(1, VOCABULARY) if len(engine.expected([t], 60)) == 60)
    before = engine.number("test_steps").value
    answer = engine.answer([start], 60, every_token=every_token)
    check(engine, answer)
    figures, steps = answer.figures, engine.number("test_steps").value - before
    assert len(answer.tokens) == (60 if every_token else 0)
    assert figures["answer_tokens"] == 60 == steps + figures["accepted_tokens"]
    assert steps < 40 and figures["accepted_tokens"] <= figures["drafted_tokens"]


def test_no_guesses_where_they_are_not_wanted(started):
    engine = started(96)
    engine.number("test_forgetful", ctypes.c_bool).value = True
    engine.number("test_stage_nanoseconds").value = 100 * MILLISECOND
    engine.answer(prompt_of(3, 40), 1, cache_prompt=False)
    start = next(t for t in range(1, VOCABULARY) if len(engine.expected([t], 60)) == 60)
    engine.lib.draft_allow.argtypes = [ctypes.c_bool]
    for allowed in (False, True):
        engine.lib.draft_allow(allowed)
        assert engine.lib.engine_guesses() == allowed
        answer = engine.answer([start], 60, cache_prompt=False)
        check(engine, answer)
        assert (answer.figures["drafted_tokens"] > 0) == allowed


def test_guesses_that_cost_as_much_as_steps_are_not_made(started):
    engine = started(96)
    engine.number("test_forgetful", ctypes.c_bool).value = True
    engine.number("test_row_nanoseconds").value = MILLISECOND
    engine.answer(prompt_of(3, 40), 1, cache_prompt=False)
    start = next(t for t in range(1, VOCABULARY) if len(engine.expected([t], 60)) == 60)
    answer = engine.answer([start], 60)
    check(engine, answer)
    assert answer.figures["drafted_tokens"] == 0


def test_wrong_guesses_cease(started):
    """Tokens here follow nothing that was there before; guesses are found now and then by chance."""
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = 100 * MILLISECOND
    engine.answer(prompt_of(3, 40), 1, cache_prompt=False)
    prompt = prompt_with_answer(engine, 93, 10, 80)
    answer = engine.answer(prompt, 80)
    check(engine, answer)
    assert answer.figures["drafted_tokens"] < 60


def test_guesses_begin_again_where_they_come_to_be_right(started):
    """What a guess would have been is watched even where none is made."""
    engine = started(96)
    engine.number("test_stage_nanoseconds").value = 100 * MILLISECOND
    engine.answer(prompt_of(3, 40), 1, cache_prompt=False)
    engine.number("test_forgetful", ctypes.c_bool).value = True
    start = next(t for t in range(1, VOCABULARY) if len(engine.expected([t], 60)) == 60)
    drafting = (ctypes.c_uint32 * 1)()
    engine.lib.drafting_start(drafting)
    engine.lib.drafting_learn.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
    for _ in range(100):
        engine.lib.drafting_learn(drafting, 4, 0)
    length = engine.lib.drafting_length
    length.restype, length.argtypes = ctypes.c_size_t, [ctypes.c_void_p] + [ctypes.c_size_t] * 3
    assert length(drafting, 1, 1, 8) == 0
    for _ in range(30):
        engine.lib.drafting_learn(drafting, 1, 1)
    assert length(drafting, 1, 1, 8) > 4
    answer = engine.answer([start], 60)
    check(engine, answer)
    assert answer.figures["accepted_tokens"] > 20
