"""One streamed completion as its client sees it: when each piece of text came.

The clients of a load share the machine with the server that they measure, so while a load runs they
only keep what arrives and when; it is read (status, chunks, events, JSON) once the load is over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from functools import cached_property

_HEAD = (
    "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "Connection: close\r\nContent-Length: %d\r\n\r\n"
)
clock = time.perf_counter  # seconds


@dataclass
class Exchange:
    """A request and what came back. `pieces` are times and bytes as they were read; `ended` is 0 while
    it goes on; `left` says that its client went before the end."""

    begun: float
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    ended: float = 0.0
    left: bool = False

    @cached_property
    def head(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces).partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        """0 without a whole head."""
        words = self.head.split(b" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    @cached_property
    def events(self) -> list[tuple[float, dict]]:
        """The JSON of each server-sent event beside the time when its last byte was there."""
        if self.status != 200:
            return []
        found, text = [], b""
        for moment, piece in _bodies(self.pieces, b"chunked" in self.head.lower()):
            *whole, text = (text + piece).split(b"\n\n")
            found += [
                (moment, json.loads(event[6:])) for event in whole if event.startswith(b"data: {")
            ]
        return found

    @cached_property
    def token_times(self) -> list[float]:
        """When text came."""
        return [moment for moment, event in self.events if _text(event)]

    @property
    def text(self) -> str:
        return "".join(_text(event) for _, event in self.events)

    @property
    def usage(self) -> dict:
        """Tokens as the server counted them."""
        return next((each["usage"] for _, each in reversed(self.events) if each.get("usage")), {})

    @property
    def answered(self) -> int:
        """Tokens of the answer; where the server does not count, the pieces of text."""
        return self.usage.get("completion_tokens", len(self.token_times))

    @property
    def complete(self) -> bool:
        """Whether the answer came to its end."""
        return self.status == 200 and not self.left and bool(self.usage)

    @property
    def first_s(self) -> float | None:
        """To the first text."""
        return self.token_times[0] - self.begun if self.token_times else None

    @property
    def whole_s(self) -> float:
        return self.ended - self.begun

    @property
    def gaps(self) -> list[float]:
        """From one piece of text to the next."""
        times = self.token_times
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    @property
    def refusal(self) -> str:
        """What was said instead of an answer; empty where there is one."""
        if self.complete or self.left:
            return ""
        if not self.status:
            return "closed without an answer"
        if self.status == 200:
            return "the stream was cut"
        return str(self.status)


def _text(event: dict) -> str:
    choices = event.get("choices") or [{}]
    return choices[0].get("text") or ""


def _bodies(pieces: list[tuple[float, bytes]], chunked: bool):
    """Times and bytes of the body alone: without head and, RFC 9112 section 7.1, chunk framing."""
    buffer, in_head, room = b"", True, 0
    for moment, piece in pieces:
        buffer += piece
        if in_head:
            _, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                continue
            buffer, in_head = rest, False
        if not chunked:
            yield moment, buffer
            buffer = b""
            continue
        while buffer:
            if room > 2:
                yield moment, buffer[: room - 2]
            if room:  # with the line break that ends a chunk
                taken = min(len(buffer), room)
                buffer, room = buffer[taken:], room - taken
                continue
            line, end, rest = buffer.partition(b"\r\n")
            if not end:
                break
            buffer, room = rest, int(line.split(b";")[0], 16) + 2


class _Client(asyncio.Protocol):
    """Writes the request, keeps what comes."""

    def __init__(self, request: bytes, exchange: Exchange, done: asyncio.Future):
        self.request, self.exchange, self.done = request, exchange, done

    def connection_made(self, transport) -> None:
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.exchange.pieces.append((clock(), data))

    def connection_lost(self, error: Exception | None) -> None:
        self.exchange.ended = clock()
        if not self.done.done():
            self.done.set_result(None)


def body(prompt: str, answer: int, reuse: bool = False) -> bytes:
    """A greedy streamed completion of exactly `answer` tokens; `reuse` of what was computed before."""
    return json.dumps(
        {
            "prompt": prompt,
            "max_tokens": answer,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
            "cache_prompt": reuse,
        }
    ).encode()


async def ask(port: int, content: bytes, within: float = 120.0) -> Exchange:
    """One exchange over a connection of its own, connecting included; left after `within` seconds."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    exchange = Exchange(clock())
    request = (_HEAD % len(content)).encode() + content
    try:
        transport, _ = await loop.create_connection(
            lambda: _Client(request, exchange, done), "127.0.0.1", port
        )
    except OSError:
        exchange.ended = clock()
        return exchange
    try:
        await asyncio.wait_for(done, within)
    except TimeoutError:
        exchange.left, exchange.ended = True, clock()
    finally:
        transport.abort()
    return exchange
