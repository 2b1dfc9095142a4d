"""Many clients that do what clients do: ask for this and that, leave midway, read slowly. By hand:

    .venv/bin/python -m tests.system.soak --clients 64 --seconds 600

tells what was answered, what /health said meanwhile, and whether everything was given back; it ends with
1 where something is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from cllm_gen.bench.serve.prompts import Prompts
from cllm_gen.machine.run import start
from tests.native import ROOT

BACKPRESSURE = (429, 503)
PROBE_S, STALL_S = 0.05, 0.1
PATIENCE_S = 300.0  # for one answer
SLOW_ROOM, SLOW_READ = 4096, 256  # bytes of a slow reader's socket, and that it reads at a time
GIVEN_BACK = (
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
    "cllm_kv_blocks_referred",
    "cllm_connections_open",
    "cllm_heap_used_bytes",
)
"""Gauges that are at the end what they were before."""


@dataclass
class Told:
    """What happened. `wrong` are sentences; `stalls` the times of /health above STALL_S."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def stalls(self) -> list[float]:
        return sorted(each for each in self.health if each > STALL_S)


class Request:
    """One of the things that clients ask for, drawn at random."""

    def __init__(self, draw: random.Random, prompts: Prompts, longest: int):
        words = draw.choice((1, 5, 30, 30, 100, 100, 400, draw.randrange(1, longest)))
        text, most = prompts.draw(words), draw.randrange(1, 80)
        asked: list[tuple[str, dict]] = [
            ("/v1/completions", {"prompt": text}),
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}),
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]}),
            ("/v1/embeddings", {"input": [text, "one more"]}),
            ("/tokenize", {"content": text}),
        ]
        self.path, self.body = draw.choice(asked)
        self.generates = "completions" in self.path
        self.streams = self.generates and draw.random() < 0.7
        if self.generates:
            self.body |= {
                "max_tokens": most,
                "temperature": draw.choice((0, 0.8, 1.5)),
                "cache_prompt": draw.random() < 0.7,
                "stream": self.streams,
            }
        self.manner = draw.choices(("reads", "leaves", "slow"), (6, 2, 2))[0]
        self.leaves_after_s = draw.expovariate(2)
        self.pause_s = draw.random() * 0.1

    def encoded(self) -> bytes:
        body = json.dumps(self.body).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def whole(self, answer: bytes) -> bool:
        """Whether a 200 came to its end."""
        if self.streams:
            return b"data: [DONE]\n\n" in answer
        head, _, body = answer.partition(b"\r\n\r\n")
        return not head.lower().count(b"content-length: ") or bool(json.loads(body))


async def _connect(port: int, room: int = 0):
    """A connection, with so small a socket that its reader holds the server up."""
    sock = socket.socket()
    if room:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, limit=room or 2**16)


async def _exchange(port: int, request: Request) -> bytes | None:
    """The answer; none when the client left before its end."""
    slow = request.manner == "slow"
    reader, writer = await _connect(port, SLOW_ROOM if slow else 0)
    try:
        writer.write(request.encoded())
        if request.manner == "leaves":
            try:
                return await asyncio.wait_for(reader.read(-1), request.leaves_after_s)
            except TimeoutError:
                return None
        answer = b""
        while piece := await reader.read(SLOW_READ if slow else -1):
            answer += piece
            if slow:
                await asyncio.sleep(request.pause_s)
        return answer
    finally:
        writer.transport.abort()


async def _client(port: int, until: float, draw: random.Random, longest: int, told: Told) -> None:
    prompts = Prompts(draw.randrange(2**30))
    while time.monotonic() < until:
        request = Request(draw, prompts, longest)
        try:
            answer = await asyncio.wait_for(_exchange(port, request), PATIENCE_S)
        except (OSError, TimeoutError) as error:
            told.wrong.append(f"{request.manner} {request.path}: {type(error).__name__} {error}")
            continue
        if answer is None:
            told.answers["left"] += 1
            continue
        status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
        told.answers[str(status)] += 1
        if status in BACKPRESSURE:
            if b"retry-after:" not in answer.lower():
                told.wrong.append(f"{status} without Retry-After")
            await asyncio.sleep(draw.random())
        elif status != 200 or not request.whole(answer):
            told.wrong.append(f"{request.manner} {request.path}: {answer[-300:]!r}")


async def _probe(port: int, until: float, told: Told) -> None:
    """Asks /health over and over, on one connection as monitors do."""
    reader, writer = await _connect(port)
    while time.monotonic() < until:
        begun = time.monotonic()
        writer.write(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        told.health.append(time.monotonic() - begun)
        if not head.startswith(b"HTTP/1.1 200"):
            told.wrong.append(f"/health: {head.splitlines()[0]!r}")
        await asyncio.sleep(PROBE_S)
    writer.close()


async def _metrics(port: int) -> dict[str, float]:
    """Numbers of /metrics by name, those with labels left out."""
    reader, writer = await _connect(port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    page = (await reader.read(-1)).decode().partition("\r\n\r\n")[2]
    writer.close()
    pairs = [line.split(" ") for line in page.splitlines() if not line.startswith("#")]
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and "{" not in pair[0]}


async def _settled(port: int, before: dict[str, float]) -> dict[str, float]:
    """/metrics once all is given back, or after some seconds."""
    for _ in range(100):
        now = await _metrics(port)
        if all(now[name] == before[name] for name in GIVEN_BACK):
            break
        await asyncio.sleep(0.1)
    return now


async def soak(port: int, clients: int, seconds: float, longest: int, seed: int = 1) -> Told:
    """Runs so many clients for so long; prompts have up to `longest` words."""
    told = Told()
    for _ in range(2):  # the first answers of a run make what is kept for all
        for path in ("/v1/completions", "/v1/chat/completions", "/v1/embeddings", "/tokenize"):
            request = Request(random.Random(0), Prompts(0), 2)
            request.path, request.manner = path, "reads"
            request.body = {"prompt": "a", "content": "a", "input": "a", "max_tokens": 2}
            request.body["messages"] = [{"role": "user", "content": "a"}]
            await _exchange(port, request)
    told.before = await _metrics(port)
    until = time.monotonic() + seconds
    await asyncio.gather(
        _probe(port, until, told),
        *(
            _client(port, until, random.Random(f"{seed}.{n}"), longest, told)
            for n in range(clients)
        ),
    )
    told.after = await _settled(port, told.before)
    for name in GIVEN_BACK:
        if told.after[name] != told.before[name]:
            told.wrong.append(f"{name}: {told.before[name]:.0f}, then {told.after[name]:.0f}")
    return told


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--clients", type=int, default=64)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--longest", type=int, default=1500, help="words of a prompt")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--append", default="")
    given = options.parse_args()
    with start(ROOT, "hosted", append=given.append) as machine:
        machine.wait_for("ready")
        told = asyncio.run(
            soak(machine.port, given.clients, given.seconds, given.longest, given.seed)
        )
    print("answers:", dict(told.answers))
    print(f"/health: {len(told.health)} times, {1e3 * max(told.health):.1f} ms at most")
    print(f"stalls above {1e3 * STALL_S:.0f} ms: {[round(1e3 * each) for each in told.stalls]}")
    for name in GIVEN_BACK:
        print(f"{name}: {told.before[name]:.0f} before, {told.after[name]:.0f} after")
    for kind, count in Counter(told.wrong).most_common(20):
        print(f"wrong, {count} times: {kind}")
    return bool(told.wrong or told.stalls)


if __name__ == "__main__":
    sys.exit(main())
