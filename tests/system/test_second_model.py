"""The second appliance, where its weights are installed: it serves, as a process and booted."""

import pytest
import requests

from cllm_gen.machine.run import start
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.locate import locate
from tests.native import ROOT

MEMORY = 512  # MiB; the packed model is 256
TEXT = "Naïve  café\n\n  東京 <end_of_turn>\t🙂"


@pytest.fixture(scope="module", params=["hosted", "x86_64"])
def machine(request):
    try:
        locate(ROOT, load_appliances(ROOT, "gemma3")[0].model.weights)
    except ModelFileError as error:
        pytest.skip(str(error))
    running = start(ROOT, request.param, "gemma3", memory=MEMORY)
    running.wait_ready(240)
    yield running
    running.stop()


def post(machine, path, **body):
    answer = requests.post(machine.url + path, json=body, timeout=500)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_paris(machine):
    """A base model goes on with a dialogue, and ends its answer where it is told to."""
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    answer = post(
        machine,
        "/v1/chat/completions",
        messages=messages,
        temperature=0,
        max_tokens=12,
        stop=["\n"],
    )
    choice = answer["choices"][0]
    assert choice["message"]["content"] == " The capital of France is Paris."
    assert choice["finish_reason"] == "stop"


def test_tokens_and_back(machine):
    """Markup in a text is text unless it is asked for; both ways give the text back."""
    plain = post(machine, "/tokenize", content=TEXT, parse_special=False)["tokens"]
    marked = post(machine, "/tokenize", content=TEXT, parse_special=True)["tokens"]
    assert len(marked) < len(plain) and 106 in marked and 106 not in plain
    for tokens in (plain, marked):
        assert post(machine, "/detokenize", tokens=tokens)["content"] == TEXT
