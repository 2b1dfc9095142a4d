"""The whole hosted appliance under the address and undefined-behaviour sanitizers, used and abused."""

import random
import socket

import pytest
import requests

from cllm_gen.machine.run import start
from tests.native import ROOT
from tests.system.test_survives import GOOD


@pytest.fixture(scope="module")
def sanitized():
    with start(ROOT, "hosted", debug=True, sanitize="memory") as machine:
        machine.wait_ready(120)
        yield machine


def test_every_endpoint(sanitized):
    url = sanitized.url
    chat = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
    for path, body in [
        ("/v1/chat/completions", chat),
        (
            "/v1/chat/completions",
            chat | {"stream": True, "stream_options": {"include_usage": True}},
        ),
        (
            "/v1/completions",
            {"prompt": ["a", "b"], "max_tokens": 2, "stop": ["x", "yz"], "top_k": 5},
        ),
        (
            "/v1/completions",
            {"prompt": "a", "n": 2, "best_of": 3, "max_tokens": 2, "logprobs": 2, "echo": False},
        ),
        ("/v1/completions", {"prompt": [[1, 2]], "echo": True, "max_tokens": 0}),
        ("/completion", {"prompt": [[1, "a"], "b"], "n_predict": 2, "n_cmpl": 2, "n_probs": 3}),
        (
            "/completion",
            {"prompt": "a", "n_predict": 2, "stream": True, "response_fields": ["content", "a/b"]},
        ),
        ("/apply-template", {"messages": chat["messages"]}),
        ("/v1/messages", chat | {"system": [{"type": "text", "text": "a"}]}),
        ("/v1/messages", chat | {"stream": True, "stop_sequences": ["x"]}),
        ("/v1/messages/count_tokens", {"messages": chat["messages"]}),
        ("/v1/responses", {"input": "Hi", "max_output_tokens": 2, "metadata": {"a": "b"}}),
        (
            "/v1/responses",
            {"input": chat["messages"], "max_output_tokens": 3, "top_logprobs": 2, "stream": True},
        ),
        ("/v1/responses/input_tokens", {"input": "Hi", "instructions": "Be brief."}),
        ("/embedding", {"content": ["a", [1, "b"]], "embd_normalize": 1}),
        ("/v1/embeddings", {"input": ["one", "two"], "encoding_format": "base64"}),
        ("/tokenize", {"content": "Hello", "with_pieces": True}),
        ("/detokenize", {"tokens": [1, 2, 3]}),
    ]:
        answer = requests.post(url + path, json=body, timeout=120)
        assert answer.status_code == 200, (path, answer.text)
    for path, status in [
        ("/health", 200),
        ("/v1/models", 200),
        ("/v1/models/none", 404),
        ("/props", 200),
        ("/slots", 200),
    ]:
        assert requests.get(url + path, timeout=30).status_code == status


def test_abandoned_and_broken_requests(sanitized):
    body = {"prompt": "One", "max_tokens": 50, "stream": True}
    with requests.post(sanitized.url + "/v1/completions", json=body, stream=True) as stream:
        next(stream.iter_lines())
    rng = random.Random(5)
    for _ in range(80):
        data = bytearray(GOOD)
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with socket.create_connection(("127.0.0.1", sanitized.port), timeout=30) as connection:
            connection.sendall(bytes(data))
    assert requests.get(sanitized.url + "/health", timeout=30).status_code == 200


def test_it_ends_cleanly(sanitized):
    """Runs last: a sanitizer's finding would have ended the process with another code."""
    sanitized.process.terminate()
    assert sanitized.wait_exit(60) == 0
    assert "ERROR" not in sanitized.errors and "runtime error" not in sanitized.errors
