"""With the set of kernels fixed, an answer is the same whoever else is served: alone, beside others,
its prompt cut anywhere, after a prefix hit, with guesses, or interrupted for want of memory."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from cllm_gen.machine.run import start
from tests.kernels.sets import WIDEST
from tests.native import ROOT
from tests.system.metrics import metric

WORDS = (
    "the old house on a hill had one red door and seven small windows that nobody opened".split()
)
CLIENTS, EACH = 10, 3


def body_of(seed):
    """A request; every third goes on from a beginning that others share, and some repeat themselves."""
    draw = random.Random(seed)
    beginning = WORDS * 5 if seed % 3 == 0 else []
    words = beginning + [draw.choice(WORDS) for _ in range(draw.choice([3, 20, 120, 260]))]
    return {
        "prompt": " ".join(words),
        "max_tokens": draw.choice([16, 150, 150]),
        "ignore_eos": True,
        "temperature": draw.choice([0, 0, 0.8]),
        "top_p": 0.9,
        "seed": seed,
        "cache_prompt": draw.random() < 0.7,
    }


def text(machine, body):
    answer = requests.post(machine.url + "/v1/completions", json=body, timeout=240)
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["text"]


@pytest.mark.parametrize("memory", [50, 512])
def test_whoever_else_is_served(memory):
    """50 MiB hold the keys and values of some 500 tokens; all together need more."""
    seeds = [client * EACH + turn for client in range(CLIENTS) for turn in range(EACH)]
    with start(ROOT, "hosted", append=f"isa={WIDEST} memory={memory}") as machine:
        machine.wait_ready(60)
        found = {}

        def client(number):
            draw = random.Random(number)
            for turn in range(EACH):
                time.sleep(draw.random() * 0.05)
                seed = number * EACH + turn
                found[seed] = text(machine, body_of(seed))

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, range(CLIENTS)))
        assert metric(machine, "llamacpp:n_busy_slots_per_decode") > 1.2
        if memory == 50:
            assert metric(machine, "vllm:num_preemptions_total") > 0
        assert metric(machine, "cllm_kv_blocks_referred") == 0
    with start(ROOT, "hosted", append=f"isa={WIDEST} cpus=1") as alone:
        alone.wait_ready(60)
        expected = {
            seed: text(alone, body_of(seed) | {"cache_prompt": False}) for seed in seeds[::2]
        }
    assert {seed: found[seed] for seed in expected} == expected
