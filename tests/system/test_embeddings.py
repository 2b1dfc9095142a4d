"""Many texts to embed in one request: in order, the same as one by one, no faster than they are read."""

import base64
import json
import socket
import time

import numpy as np
import requests

from tests.system.metrics import metric


def embed(machine, inputs, **fields):
    answer = requests.post(
        machine.url + "/v1/embeddings", json={"input": inputs} | fields, timeout=300
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def vector(item):
    return np.frombuffer(base64.b64decode(item["embedding"]), np.float32)


def test_as_many_as_openai_allows(hosted):
    texts = [chr(97 + i % 26) for i in range(2048)]
    found = embed(hosted, texts, encoding_format="base64")
    assert [item["index"] for item in found["data"]] == list(range(2048))
    assert found["usage"]["prompt_tokens"] == found["usage"]["total_tokens"] == 2048
    for index in (0, 1, 32, 2047):
        alone = embed(hosted, texts[index], encoding_format="base64")["data"][0]
        assert np.allclose(vector(found["data"][index]), vector(alone), atol=1e-5)


def test_floats_are_the_same_numbers(hosted):
    texts = [f"number {i}" for i in range(40)]
    floats = embed(hosted, texts)["data"]
    packed = embed(hosted, texts, encoding_format="base64")["data"]
    for one, other in zip(floats, packed, strict=True):
        assert np.array_equal(np.array(one["embedding"], np.float32), vector(other))


def test_who_does_not_read_takes_little_memory(hosted):
    """And when it leaves, nothing stays behind."""
    used = metric(hosted, "cllm_heap_used_bytes")
    body = json.dumps({"input": ["a"] * 2000}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", hosted.port), timeout=60) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head.encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        deadline = time.monotonic() + 60
        while metric(hosted, "vllm:num_requests_running") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert metric(hosted, "cllm_heap_used_bytes") - used < 4 << 20
    deadline = time.monotonic() + 60
    while metric(hosted, "cllm_heap_used_bytes") > used + 200_000 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert metric(hosted, "cllm_heap_used_bytes") <= used + 200_000
    assert metric(hosted, "vllm:num_requests_running") == 0
