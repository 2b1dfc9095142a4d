"""Limits that are permanent are kept before work, and what is within them works, however large."""

import json
import socket
import time

import pytest
import requests

BODY_BYTES = 1 << 20


@pytest.mark.parametrize("filler", ["a ", "\u4e16", "x1"])
@pytest.mark.parametrize("pieces", [False, True])
def test_a_text_as_long_as_a_body_may_be_is_cut(hosted, filler, pieces):
    room = BODY_BYTES - 100
    text = filler * (room // len(filler.encode()))
    body = json.dumps({"content": text, "with_pieces": pieces}, ensure_ascii=False).encode()
    assert BODY_BYTES - 200 < len(body) <= BODY_BYTES
    answer = requests.post(hosted.url + "/tokenize", data=body, timeout=120)
    assert answer.status_code == 200, answer.text[:200]
    tokens = answer.json()["tokens"]
    if pieces:
        joined = b"".join(
            each["piece"].encode() if isinstance(each["piece"], str) else bytes(each["piece"])
            for each in tokens
        )
        assert joined.decode() == text
    else:
        assert len(tokens) > 100_000


def test_a_body_above_the_limit_is_refused(hosted):
    answer = requests.post(hosted.url + "/tokenize", data=b"x" * (BODY_BYTES + 1), timeout=60)
    assert answer.status_code == 413


def test_a_client_that_reads_slowly_gets_all_of_it(hosted):
    """More than is buffered for it waits until it has read."""
    body = json.dumps({"content": "a b c d " * 60000}).encode()  # and a token for the last space
    host, port = hosted.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        head = f"POST /tokenize HTTP/1.0\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        time.sleep(2)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
    assert len(json.loads(received.split(b"\r\n\r\n", 1)[1])["tokens"]) == 240001


def test_more_inputs_than_that_are_refused(hosted):
    answer = requests.post(hosted.url + "/v1/embeddings", json={"input": ["x"] * 2049}, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input"


def test_an_input_that_exceeds_the_context_is_refused_before_work(hosted):
    answer = requests.post(
        hosted.url + "/v1/embeddings", json={"input": ["x", "word " * 9000]}, timeout=60
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "exceed_context_size_error")
    assert error["n_prompt_tokens"] == 9001


@pytest.mark.parametrize("path", ["/embedding", "/embeddings"])
def test_embeddings_as_llama_cpp_has_them(hosted, path):
    def ask(**fields):
        return requests.post(hosted.url + path, json=fields, timeout=60)

    texts = ["The cat sleeps.", "A cat is sleeping."]
    openai = requests.post(
        hosted.url + "/v1/embeddings", json={"input": texts, "encoding_format": "float"}
    ).json()["data"]
    told = ask(content=texts).json()
    assert [item["index"] for item in told] == [0, 1]
    for item, other in zip(told, openai):
        (vector,) = item["embedding"]
        assert max(abs(a - b) for a, b in zip(vector, other["embedding"])) < 1e-6
    assert ask(input=texts).json() == told
    (one,) = ask(content=texts[0]).json()
    assert one["embedding"] == told[0]["embedding"]
    for power, norm in (
        (1, lambda v: sum(map(abs, v))),
        (3, lambda v: sum(abs(x) ** 3 for x in v)),
    ):
        (vector,) = ask(content="x", embd_normalize=power).json()[0]["embedding"]
        assert abs(norm(vector) - 1) < 1e-3
    (vector,) = ask(content="x", embd_normalize=0).json()[0]["embedding"]
    assert abs(max(map(abs, vector)) - 32760) < 1
    assert ask(content="x", embd_normalize=-1).json()["error"]["param"] == "embd_normalize"
    assert ask().json()["error"]["param"] == "content"
