"""What is asked of a server: so many clients each with one request at a time (closed loop), requests
that arrive whatever the server does (open loop), short chats beside long prompts, second turns."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cllm_gen.bench.serve.exchange import Exchange, ask, body, clock
from cllm_gen.bench.serve.prompts import Prompts

PROMPT_WORDS, ANSWER = 100, 64
CHAT_WORDS, CHATS = 20, 4
LONG_TOKENS, LONG_ANSWER = 2000, 8
TURN_WORDS, TURN_ANSWER = 20, 32
WARM_S = 2.0  # seconds of a closed loop before it counts
REFUSED_S = 0.1  # a client that was refused waits as long


@dataclass
class Load:
    """Exchanges of one load, and the window in which tokens are counted. `client` is the share of one
    CPU that the clients took, `busy` how many requests were under way at half-time and at the end.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    begun: float = 0.0
    ended: float = 0.0
    client: float = 0.0
    busy: tuple[int, int] = (0, 0)

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    @property
    def counted(self) -> list[Exchange]:
        """What began in the window; what was under way at its end was waited for."""
        return [each for each in self.exchanges if self.begun <= each.begun < self.ended]

    @property
    def answers(self) -> list[Exchange]:
        return [each for each in self.counted if each.complete]

    @property
    def tokens(self) -> float:
        """That came within the window, whoever they belong to."""
        total = 0.0
        for each in self.exchanges:
            times = each.token_times
            inside = sum(self.begun <= moment < self.ended for moment in times)
            total += inside * (each.answered / len(times) if times else 0)
        return total

    @property
    def refused(self) -> dict[str, int]:
        """Requests without an answer, by what was said."""
        found: dict[str, int] = {}
        for each in self.counted:
            if each.refusal:
                found[each.refusal] = found.get(each.refusal, 0) + 1
        return dict(sorted(found.items()))


class _Cpu:
    """The share of one CPU that this process takes, from here to `share`."""

    def __init__(self):
        self.cpu, self.wall = time.process_time(), clock()

    def share(self) -> float:
        return (time.process_time() - self.cpu) / (clock() - self.wall)


async def _client(port: int, until: float, draw: Callable[[], bytes], into: list[Exchange]) -> None:
    """One request after the other."""
    text = draw()
    while clock() < until:
        exchange = await ask(port, text)
        into.append(exchange)
        if exchange.status != 200:
            await asyncio.sleep(REFUSED_S)
        text = draw()


def _short(prompts: Prompts, words: int = PROMPT_WORDS) -> Callable[[], bytes]:
    return lambda: body(prompts.draw(words), ANSWER)


async def closed(port: int, clients: int, seconds: float, prompts: Prompts) -> Load:
    """Each client asks again as soon as it is answered."""
    load, cpu = Load(begun=clock() + WARM_S), _Cpu()
    load.ended = load.begun + seconds
    draw = _short(prompts)
    await asyncio.gather(*(_client(port, load.ended, draw, load.exchanges) for _ in range(clients)))
    load.client = cpu.share()
    return load


async def arriving(port: int, rate: float, seconds: float, prompts: Prompts, seed: int) -> Load:
    """`rate` requests a second at random (Poisson), for so long; then as long again for what is under
    way, and who still waits goes."""
    dice, draw, cpu = random.Random(seed), _short(prompts), _Cpu()
    load = Load(begun=clock())
    load.ended = load.begun + seconds
    under_way: set[asyncio.Task] = set()
    middle, at = 0, load.begun
    while (at := at + dice.expovariate(rate)) < load.ended:
        if not middle and at > load.begun + seconds / 2:
            await asyncio.sleep(max(load.begun + seconds / 2 - clock(), 0))
            middle = len(under_way) or 1
        await asyncio.sleep(max(at - clock(), 0))
        left = load.ended + seconds - clock()
        task = asyncio.create_task(ask(port, draw(), left))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        task.add_done_callback(lambda done: load.exchanges.append(done.result()))
    await asyncio.sleep(max(load.ended - clock(), 0))
    load.busy = (middle, len(under_way))
    load.client = cpu.share()
    await asyncio.gather(*under_way)
    return load


async def chats(
    port: int, seconds: float, prompts: Prompts, long_words: int
) -> tuple[Load, Load, Load]:
    """Short chats alone, then beside one prompt of LONG_TOKENS after the other; and those prompts."""
    quiet = await _chats(port, seconds, prompts)
    long = Load(begun=clock())
    until = long.begun + WARM_S + seconds

    def draw() -> bytes:
        return body(prompts.draw(long_words), LONG_ANSWER)

    crowded, _ = await asyncio.gather(
        _chats(port, seconds, prompts), _client(port, until, draw, long.exchanges)
    )
    long.ended = until
    return quiet, crowded, long


async def _chats(port: int, seconds: float, prompts: Prompts) -> Load:
    load = Load(begun=clock() + WARM_S)
    load.ended = load.begun + seconds
    draw = _short(prompts, CHAT_WORDS)
    await asyncio.gather(*(_client(port, load.ended, draw, load.exchanges) for _ in range(CHATS)))
    return load


async def turns(
    port: int, rounds: int, prompts: Prompts, long_words: int
) -> tuple[list[Exchange], list[Exchange]]:
    """First and second turns of conversations that begin with LONG_TOKENS tokens."""
    first, second = [], []
    for _ in range(rounds):
        text = prompts.draw(long_words)
        first.append(await ask(port, body(text, TURN_ANSWER, reuse=True)))
        text += first[-1].text + " " + prompts.draw(TURN_WORDS)
        second.append(await ask(port, body(text, TURN_ANSWER, reuse=True)))
    return first, second


async def long_words(port: int, prompts: Prompts) -> int:
    """How many words are about LONG_TOKENS tokens, as the server counts."""
    words = 400
    told = (await ask(port, body(prompts.draw(words), 1))).usage.get("prompt_tokens", words)
    return round(words * LONG_TOKENS / told)


async def warm(port: int, prompts: Prompts) -> None:
    """One request that no one counts."""
    await ask(port, _short(prompts)())
