"""Prefix reuse and timings through the API, with one set of kernels for all numbers of rows, so that
answers are the same to the bit however their prompts were computed."""

import json
import time

import pytest
import requests

from cllm_gen.machine.run import start
from tests.kernels.sets import WIDEST
from tests.native import ROOT
from tests.system.metrics import metric

BLOCK = 32  # tokens of a KV block
STORY = "The keeper of the lighthouse wrote down every ship that passed, and one night he saw "


@pytest.fixture(scope="module")
def small():
    """Room for less than 1,000 tokens in the KV cache, so that prompts push each other out."""
    with start(ROOT, "hosted", append=f"memory=48 isa={WIDEST} cpus=1") as machine:
        machine.wait_ready(120)
        yield machine


@pytest.fixture
def ask(small):
    def post(path, **fields):
        answer = requests.post(small.url + path, json={"temperature": 0} | fields, timeout=120)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post


def idle_and_all(machine):
    """Blocks that no request holds, and all."""
    blocks, referred = (
        int(metric(machine, name)) for name in ("cllm_kv_blocks", "cllm_kv_blocks_referred")
    )
    return blocks - referred, blocks


def test_a_prompt_again_takes_its_beginning_from_the_cache(ask):
    fields = {"prompt": STORY * 5, "max_tokens": 12}
    first, again, anew = (
        ask("/v1/completions", **fields, **extra) for extra in ({}, {}, {"cache_prompt": False})
    )
    assert first["choices"] == again["choices"] == anew["choices"]
    prompt = first["usage"]["prompt_tokens"]
    cached = [
        each["usage"]["prompt_tokens_details"]["cached_tokens"] for each in (first, again, anew)
    ]
    assert cached == [0, (prompt - 1) // BLOCK * BLOCK, 0] and prompt > 2 * BLOCK
    for each, tokens in zip((first, again, anew), cached):
        assert each["usage"]["prompt_tokens"] == prompt
        assert each["timings"]["cache_n"] == tokens
        assert each["timings"]["prompt_n"] == prompt - tokens


def test_conversations_in_turns(ask, small):
    """More than the cache holds, turn by turn; every answer is checked without the cache."""
    subjects = ("ships", "bread", "rain")
    chats = {each: [{"role": "system", "content": STORY * 4}] for each in subjects}
    cached = 0
    for turn in range(3):  # the last one twice
        for subject, messages in chats.items():
            question = f"Tell me about {subject}, part {turn}."
            messages.append({"role": "user", "content": question})
            fields = {"messages": messages, "max_tokens": 10}
            answer = ask("/v1/chat/completions", **fields)
            usage = answer["usage"]
            cached += usage["prompt_tokens_details"]["cached_tokens"]
            if turn == 2:
                anew = ask("/v1/chat/completions", **fields, cache_prompt=False)
                assert anew["choices"] == answer["choices"]
            said = answer["choices"][0]["message"]["content"]
            messages.append({"role": "assistant", "content": said})
    assert cached >= (len(subjects) * 3 - 1) * 2 * BLOCK, "the system prompt is shared by all"
    idle, blocks = idle_and_all(small)
    assert idle == blocks


def test_long_prompts_push_out_old_ones(ask, small):
    blocks = idle_and_all(small)[1]
    long = [1000 + 7 * i for i in range(blocks * BLOCK * 3 // 5)]
    prompts = long, [token + 1 for token in long], long
    answers = [ask("/v1/completions", prompt=prompt, max_tokens=2) for prompt in prompts]
    assert answers[0]["choices"] == answers[2]["choices"]
    cached = [each["usage"]["prompt_tokens_details"]["cached_tokens"] for each in answers]
    assert cached[:2] == [0, 0] and 0 < cached[2] < len(long) - 2 * BLOCK
    assert idle_and_all(small) == (blocks, blocks)


def test_clients_that_leave_leave_no_blocks_behind(ask, small):
    body = {"prompt": STORY * 5, "max_tokens": 200, "temperature": 1, "stream": True}
    for _ in range(4):
        with requests.post(
            small.url + "/v1/completions", json=body, stream=True, timeout=60
        ) as stream:
            next(stream.iter_lines())
    answer = ask("/v1/completions", prompt=STORY * 5, max_tokens=4)
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] > 0
    idle, blocks = idle_and_all(small)
    assert idle == blocks


def test_timings_fit_the_clock_and_each_other(ask):
    begun = time.monotonic()
    answer = ask("/v1/completions", prompt=STORY * 3, max_tokens=20, cache_prompt=False)
    wall = (time.monotonic() - begun) * 1000
    timings, usage = answer["timings"], answer["usage"]
    assert timings["prompt_n"] == usage["prompt_tokens"]
    assert timings["predicted_n"] == usage["completion_tokens"] == 20
    assert timings["predicted_ms"] > 0 and timings["prompt_ms"] > 0
    assert timings["prompt_ms"] + timings["predicted_ms"] <= wall
    assert timings["prompt_per_second"] == pytest.approx(
        1000 * timings["prompt_n"] / timings["prompt_ms"]
    )
    assert timings["predicted_per_second"] == pytest.approx(1000 * 19 / timings["predicted_ms"])
    assert timings["predicted_per_token_ms"] == pytest.approx(timings["predicted_ms"] / 19)


@pytest.mark.parametrize("counts", [False, True])
def test_a_stream_ends_with_timings(small, counts):
    body = {
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 3,
        "stream": True,
        "stream_options": {"include_usage": counts},
    }
    answer = requests.post(small.url + "/v1/chat/completions", json=body, timeout=60)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line[:7] == "data: {"]
    assert ["timings" in event for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["timings"]["predicted_n"] <= 3
