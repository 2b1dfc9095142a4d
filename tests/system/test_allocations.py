"""Any allocation may fail: the n-th of a request, for every n, under every endpoint. The client then gets a clear 503,
or sees that its stream was cut; never a 200 that is not whole. Nothing leaks, and the server goes on.

This is the hosted appliance as it is, under sanitizers, with failing_heap.c linked between it and its heap.
"""

from __future__ import annotations

import itertools
import json
import mmap
import re
import socket
import struct
import time
from dataclasses import dataclass, replace

import pytest

from cllm_gen.image.build import build
from cllm_gen.image.compile import compile_units
from cllm_gen.image.link import identify, link_process
from cllm_gen.image.sources import units
from cllm_gen.machine.run import start_image
from cllm_gen.spec.load import load_appliances
from tests.native import ROOT

WRAPPED = ("heap_allocate", "heap_allocate_aligned", "heap_resize", "heap_release")
OF_A_CONNECTION = 3  # allocations before anything can be answered: two buffers and its record
CHAT = "/v1/chat/completions"


@dataclass
class Server:
    """The running process, and the page that it shares with us."""

    port: int
    page: mmap.mmap
    idle: int = 0  # bytes of heap in use without a connection

    def rest(self) -> None:
        """Waits for the end of the connections that asked whether it is ready, and notes what is in use then."""
        since = time.monotonic()
        while time.monotonic() < since + 0.5:
            if self.used != self.idle:
                self.idle, since = self.used, time.monotonic()
            time.sleep(0.01)

    def fail(self, which: int) -> None:
        self.page[:8] = struct.pack("<Q", which)

    @property
    def failed(self) -> bool:
        """Whether the allocation that should fail was asked for."""
        return struct.unpack("<Q", self.page[:8])[0] == 0

    @property
    def used(self) -> int:
        return struct.unpack("<Q", self.page[8:16])[0]

    def settle(self) -> None:
        """Waits for the end of connections that clients have closed."""
        deadline = time.monotonic() + 10
        while self.used != self.idle and time.monotonic() < deadline:
            time.sleep(0.0005)
        assert self.used == self.idle, "bytes of heap leaked"

    def ask(self, message: bytes) -> tuple[bytes, bool]:
        """All that comes back on a connection of its own, and whether that ended as it should, not by a reset."""
        data = b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
                connection.sendall(message)
                while piece := connection.recv(65536):
                    data += piece
        except (ConnectionResetError, BrokenPipeError):
            return data, False
        return data, True


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("allocations")
    appliance = load_appliances(ROOT)[0]
    target = appliance.target("hosted")
    made = build(ROOT, "hosted", debug=True, sanitize="memory")
    sources = units(ROOT, appliance, target, True, "memory")
    like = next(unit for unit in sources if unit.source == "kernel_static/mem/heap.c")
    sources.append(replace(like, source="tests/system/failing_heap.c"))
    objects = compile_units(ROOT, folder, sources, lambda *_: None)
    wraps = [f"-Wl,--wrap={name}" for name in WRAPPED]
    objects.append(identify(ROOT, folder, target, objects))
    link_process(ROOT, folder / "image", target, objects, "memory", wraps)
    (folder / "page").write_bytes(bytes(4096))
    with pytest.MonkeyPatch.context() as patch, open(folder / "page", "r+b") as page:
        patch.setenv("CLLM_HEAP_PAGE", str(folder / "page"))
        image = replace(made, image=folder / "image")
        with start_image(image, append="log=warn")[0] as machine:
            machine.wait_ready(120)
            server = Server(machine.port, mmap.mmap(page.fileno(), 4096))
            server.rest()
            yield server
            machine.process.terminate()
            assert machine.wait_exit(60) == 0
            assert "ERROR" not in machine.errors and "runtime error" not in machine.errors


def get(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    head = [f"{method} {path} HTTP/{version}", "Host: a", "Connection: close", *fields, "", ""]
    return "\r\n".join(head).encode()


def post(path: str, body, *fields: str, version: str = "1.1") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return get(path, f"Content-Length: {len(data)}", *fields, method="POST", version=version) + data


def chunked(path: str, body) -> bytes:
    data = json.dumps(body).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:9], data[9:]))
    return get(path, "Transfer-Encoding: chunked", method="POST") + chunks + b"0\r\n\r\n"


def chat(content, **more) -> dict:
    return {"messages": [{"role": "user", "content": content}], "max_tokens": 2} | more


GREEDY = {"temperature": 0, "cache_prompt": False}
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
PARTS = [{"type": "text", "text": "Say "}, {"type": "text", "text": "<|im_end|> \u00e9"}]
TALK = [{"role": role, "content": f"Word {i}"} for i in range(2) for role in ("user", "assistant")]
REQUESTS = {
    "health": get("/health"),
    "head of health": get("/health", method="HEAD"),
    "models": get("/v1/models", "Authorization: Bearer secret"),
    "model": get("/v1/models/SmolLM2%2D135M%2DInstruct"),
    "preflight": get("/health", method="OPTIONS"),
    "no such path": get("/nowhere"),
    "no such method": get("/health", method="PUT"),
    "no HTTP": b"nonsense\r\n\r\n",
    "no JSON": post("/tokenize", b'{"content": "a", x}'),
    "a wrong type": post(CHAT, {"messages": [{"role": "user", "content": 7}]}),
    "any model": post(CHAT, chat("Hi", model="other", temperature=0, max_tokens=4)),
    "a model that is not served": get("/v1/models/other"),
    "properties": get("/props"),
    "slots": get("/slots"),
    "tokenize": post("/tokenize", {"content": "Hello, <|im_end|> ring 0!" + 60 * " on"}),
    "tokenize with pieces": post(
        "/tokenize", {"content": "a \U0001f642\u4e16 b", "with_pieces": True}
    ),
    "detokenize": post("/detokenize", {"tokens": list(range(200, 320))}),
    "detokenize in chunks": chunked("/detokenize", {"tokens": [1, 2, 3]}),
    "embeddings": post("/v1/embeddings", {"input": ["one", "two"]}),
    "embeddings in base64": post(
        "/v1/embeddings", {"input": [[1, 2], [3]], "encoding_format": "base64", "dimensions": 8}
    ),
    "completion": post("/v1/completions", {"prompt": "Once", "max_tokens": 2} | GREEDY),
    "a completion with all rules": post(
        "/v1/completions",
        {
            "prompt": "Once upon",
            "max_tokens": 2,
            "logit_bias": {" the": -1, "7": False},
            "samplers": ["penalties", "dry", "top_k"],
            "dry_multiplier": 1,
            "dry_sequence_breakers": ["\n", "."],
            "repeat_penalty": 1.1,
            "top_k": 1,
            "cache_prompt": False,
        },
    ),
    "two completions": post(
        "/v1/completions",
        {"prompt": ["One \u00e9", "Two"], "max_tokens": 2, "stop": ["\n\n\n", "zebra"]} | GREEDY,
        "Expect: 100-continue",
    ),
    "two streamed completions": post(
        "/v1/completions", {"prompt": [[5, 6], [7]], "max_tokens": 2} | GREEDY | STREAM
    ),
    "chances and the best of two": post(
        "/v1/completions",
        {"prompt": "Once", "max_tokens": 2, "best_of": 2, "logprobs": 2, "seed": 1},
    ),
    "llama.cpp's completion": post(
        "/completion",
        {
            "prompt": [1, "a"],
            "n_predict": 2,
            "n_cmpl": 2,
            "n_probs": 2,
            "response_fields": ["content", "timings/prompt_n"],
        }
        | GREEDY,
    ),
    "llama.cpp's embeddings": post("/embedding", {"content": ["one", [1, 2]]}),
    "a template applied": post("/apply-template", {"messages": TALK}),
    "Anthropic's messages": post(
        "/v1/messages", {"messages": TALK[:1], "system": PARTS, "max_tokens": 2} | GREEDY
    ),
    "Anthropic's messages, streamed": post(
        "/v1/messages", {"messages": TALK, "max_tokens": 2, "stream": True} | GREEDY
    ),
    "responses": post("/v1/responses", {"input": "Hi", "max_output_tokens": 2} | GREEDY),
    "responses, streamed": post(
        "/v1/responses",
        {"input": TALK[:1], "max_output_tokens": 2, "top_logprobs": 1, "stream": True} | GREEDY,
    ),
    "chat": post(CHAT, chat("Hi") | GREEDY),
    "chat in parts": post(CHAT, chat(PARTS) | GREEDY),
    "a longer chat": post(
        CHAT, {"messages": TALK + chat("Hi")["messages"], "max_tokens": 1} | GREEDY
    ),
    "streamed chat": post(CHAT, chat("Hi") | GREEDY | STREAM),
    "streamed chat of HTTP/1.0": post(CHAT, chat("Hi", stream=True) | GREEDY, version="1.0"),
}


@dataclass
class Answer:
    status: int
    body: bytes
    whole: bool  # as far as its framing tells


def read(data: bytes, ended: bool, is_head: bool) -> Answer | None:
    """What a client makes of it; None if not even a head came."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    if head.startswith(b"HTTP/1.1 100 "):
        return read(body, ended, is_head)
    status = int(head.split()[1])
    if length := re.search(rb"(?i)\r\ncontent-length: (\d+)", head):
        return Answer(status, body, is_head or len(body) == int(length[1]))
    if b"Transfer-Encoding: chunked" not in head:
        return Answer(status, body, ended)
    whole, text = False, b""
    while match := re.match(rb"([0-9a-f]+)\r\n", body):
        size, body = int(match[1], 16), body[match.end() :]
        whole = size == 0 and body == b"\r\n"
        text += body[:size]
        body = body[size + 2 :]
    return Answer(status, text, whole)


def lasting(body: bytes) -> bytes:
    """Without what differs between two equal answers."""
    names = rb'"(item_)?id":"(chatcmpl-|cmpl-|msg_|resp_)[0-9a-f]+"'
    body = re.sub(names + rb'|"created(_at)?":\d+', b"", body)
    body = re.sub(rb'"(cached_tokens|cache_read_input_tokens|input_tokens)":\d+', b"", body)
    return re.sub(rb'"timings":\{[^}]*\}', b"", body)


@pytest.mark.parametrize("name", REQUESTS)
def test_every_allocation_may_fail(server, name):
    message, streams = REQUESTS[name], b'"stream": true' in REQUESTS[name]
    is_head = message.startswith(b"HEAD")
    usual = read(*server.ask(message), is_head)
    assert usual and usual.whole
    server.settle()
    for number in itertools.count(1):
        server.fail(number)
        data, ended = server.ask(message)
        failed = server.failed
        server.fail(0)
        server.settle()
        answer = read(data, ended, is_head)
        said = f"allocation {number}: {data!r}"
        if not failed:
            assert answer and answer.whole and answer.status == usual.status, said
            assert lasting(answer.body) == lasting(usual.body), said
            break
        if not answer:
            assert number <= OF_A_CONNECTION and not data, said
        elif answer.status == 503:
            assert answer.whole, said
            assert is_head or "memory" in json.loads(answer.body)["error"]["message"], said
        elif answer.whole and answer.status == usual.status and not streams:
            assert lasting(answer.body) == lasting(usual.body), said  # it did without
        else:
            errors = (b'data: {"error"', b"event: error")
            told = any(each in answer.body for each in errors) or not answer.whole
            assert streams and answer.status == 200 and told, said
            assert b"[DONE]" not in answer.body, said
    assert number > OF_A_CONNECTION
