"""The promise on the tin: each target boots and answers the first question."""

import pytest
import requests

from cllm_gen.machine.run import start
from tests.kernels.sets import SETS, skip_without
from tests.native import ROOT
from tests.system.conftest import MEMORY
from tests.targets import BARE, TARGETS, least_set

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


@pytest.mark.parametrize("isa", SETS, ids=lambda isa: isa.name)
def test_paris_by_the_kernels_of_every_set(isa):
    skip_without(isa)
    with start(ROOT, "hosted", memory=MEMORY, append=f"isa={isa.name}") as machine:
        machine.wait_ready(120)
        answer = requests.post(machine.url + "/v1/chat/completions", json=QUESTION, timeout=300)
        text = answer.json()["choices"][0]["message"]["content"]
    assert text == "The capital of France is Paris."


@pytest.mark.parametrize("target", BARE)
def test_booted_and_hosted_give_the_same_tokens(target):
    """The same kernels give the same bits, with and without an operating system underneath."""
    request = {"prompt": "Once upon a time", "max_tokens": 12, "temperature": 0.8, "seed": 11}
    append = f"isa={least_set(target)}"  # where none is named, time decides
    texts = []
    for where in ("hosted", target):
        with start(ROOT, where, memory=MEMORY, append=append) as machine:
            machine.wait_ready(120)
            answer = requests.post(machine.url + "/v1/completions", json=request, timeout=300)
            texts.append(answer.json()["choices"][0]["text"])
    assert texts[0] == texts[1] != ""


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
