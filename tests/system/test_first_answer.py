"""The promise on the tin: each target boots and answers the first question."""

import re

import pytest
import requests

from cllm_gen.machine.run import start
from tests.native import ROOT
from tests.targets import BARE, TARGETS

QUESTION = {
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
}


@pytest.mark.parametrize("target", TARGETS)
def test_paris(appliances, target):
    machine = appliances(target)
    answer = requests.post(machine.url + "/v1/chat/completions", json=QUESTION, timeout=300)
    assert answer.status_code == 200, answer.text
    choice = answer.json()["choices"][0]
    assert "Paris" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("target", BARE)
def test_booted_and_hosted_give_the_same_tokens(appliances, target):
    """The same kernels give the same bits, with and without an operating system underneath."""
    booted = appliances(target)
    chosen = re.search(r"kernels for (\w+)", booted.console)[1]
    request = {"prompt": "Once upon a time", "max_tokens": 12, "temperature": 0.8, "seed": 11}
    with start(ROOT, "hosted", append=f"isa={chosen}") as hosted:
        hosted.wait_ready(120)
        texts = [
            requests.post(machine.url + "/v1/completions", json=request, timeout=300).json()
            for machine in (hosted, booted)
        ]
    first, second = (answer["choices"][0]["text"] for answer in texts)
    assert first == second != ""


def test_health_answers_while_a_generation_runs(booted):
    """Several connections are open at once, and none waits for the model but the one that asked."""
    request = {"prompt": "The sea", "max_tokens": 12, "temperature": 0, "stream": True}
    with requests.post(
        booted.url + "/v1/completions", json=request, stream=True, timeout=300
    ) as stream:
        lines = stream.iter_lines()
        next(lines)
        for _ in range(5):
            assert requests.get(booted.url + "/health", timeout=30).json() == {"status": "ok"}
        rest = list(lines)
    assert rest[-1] == b"data: [DONE]" or rest[-2] == b"data: [DONE]"
    assert sum(line.startswith(b"data: {") for line in rest) > 5, "the generation was still running"
