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
        ("/v1/embeddings", {"input": ["one", "two"], "encoding_format": "base64"}),
        ("/tokenize", {"content": "Hello", "with_pieces": True}),
        ("/detokenize", {"tokens": [1, 2, 3]}),
    ]:
        answer = requests.post(url + path, json=body, timeout=120)
        assert answer.status_code == 200, (path, answer.text)
    for path, status in [("/health", 200), ("/v1/models", 200), ("/v1/models/none", 404)]:
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
