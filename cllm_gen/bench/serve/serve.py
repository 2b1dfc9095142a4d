"""`cllm-gen bench serve`: every load on our server and its peers in turn, one awake at a time."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cllm_gen.bench.bench import find_appliance
from cllm_gen.bench.contest import OURS
from cllm_gen.bench.peer_weights import peer_weights
from cllm_gen.bench.serve import loads, report
from cllm_gen.bench.serve.figures import Closed, Figures, Mixed, Open
from cllm_gen.bench.serve.prompts import Prompts
from cllm_gen.bench.serve.servers import VARIANTS, Ours, Peer, Server
from cllm_gen.image.build import Image, build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance
from cllm_gen.weights.locate import locate

LOADS = ("start", "closed", "open", "mixed", "turns", "health")
_STARTS, _TURNS = 5, 3
_FIRST_RATE, _RATE_STEP, _RATES = 0.5, 1.5, 16
_ALL_ANSWERED = 0.4
"""Of the tokens that a server makes in a closed loop: below so many, arrivals are not tried."""


@dataclass(frozen=True)
class Settings:
    """threads  that each server computes with
    clients  of the closed loops
    seconds  that a load counts
    peers    keys of VARIANTS
    loads    of LOADS
    append   more of our server's command line
    """

    threads: int = 2
    clients: tuple[int, ...] = (1, 4, 16, 32)
    seconds: float = 15.0
    peers: tuple[str, ...] = tuple(VARIANTS)
    loads: tuple[str, ...] = LOADS
    append: str = ""


@dataclass
class Entrant:
    """How a server is started, and what it did."""

    start: Callable[[], Server]
    figures: Figures
    server: Server | None = None


def serve(
    root: Path, appliance: str | None, settings: Settings, output: Path | None
) -> list[Figures]:
    """Measures, prints tables, writes JSON, Markdown and a chart below build/bench/."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    spec = find_appliance(root, appliance, None)
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
    with console.status("start") as status:
        entrants = _entrants(root, spec, image, settings)
        if "start" in settings.loads:
            for entrant in entrants:
                status.update(f"start: {entrant.figures.title}")
                _guarded(entrant, _starts)
        with ExitStack() as running:
            _measure(entrants, settings, running, status.update)
    every = [entrant.figures for entrant in entrants]
    path = output or root / "build" / "bench" / f"{spec.name}-serve.json"
    report.show(console, every)
    report.write(path, spec.name, every, settings)
    console.print(f"figures: {path} and .md")
    report.draw(root, console, path)
    return every


def _entrants(root: Path, spec: Appliance, image: Image, settings: Settings) -> list[Entrant]:
    """Ours first."""
    shipped = locate(root, spec.model.weights)
    folder = root / "build" / "peers" / "weights"
    found = [
        Entrant(
            lambda: Ours(image, settings.threads, settings.append), Figures(OURS, f"{OURS} shipped")
        )
    ]
    for name in settings.peers:
        for weights in VARIANTS[name]:

            def start(name=name, weights=weights) -> Server:
                file = peer_weights(shipped, weights, folder)
                return Peer(root, name, weights, file, settings.threads)

            found.append(Entrant(start, Figures(name, f"{name} {weights}")))
    return found


def _guarded(entrant: Entrant, step: Callable[[Entrant], None]) -> None:
    """Whose step fails is left out from then on."""
    if entrant.figures.failure:
        return
    try:
        step(entrant)
    except RunFailed as error:
        entrant.figures.failure = str(error)


def _starts(entrant: Entrant) -> None:
    """From exec to the first 200 of /health."""
    times = []
    for _ in range(_STARTS):
        server = entrant.start()
        try:
            times.append(server.wait_healthy())
        finally:
            server.stop()
    entrant.figures.healthy_s = statistics.median(times)


def _measure(
    entrants: list[Entrant], settings: Settings, running: ExitStack, tell: Callable[[str], None]
) -> None:
    """Starts all, and gives each its turn at each load."""

    def start(entrant: Entrant) -> None:
        entrant.server = server = entrant.start()
        running.callback(server.stop)
        server.wait_healthy()
        entrant.figures.detail = server.detail
        asyncio.run(loads.warm(server.port, Prompts(0)))
        server.pause()

    for entrant in entrants:
        tell(f"load {entrant.figures.title}")
        _guarded(entrant, start)
    words = _long_words(entrants)
    for title, load in _turns_of(settings, words):
        for entrant in entrants:
            tell(f"{title}: {entrant.figures.title}")

            def turn(entrant: Entrant, load=load) -> None:
                assert entrant.server
                entrant.server.resume()
                try:
                    load(entrant.server, entrant.figures)
                    if not entrant.server.runs():
                        raise RunFailed(f"it ended: {entrant.server.complaint()}")
                finally:
                    entrant.server.pause()

            _guarded(entrant, turn)


def _long_words(entrants: list[Entrant]) -> int:
    """As our tokenizer counts, which is that of all."""
    server = entrants[0].server
    if server is None:
        raise RunFailed(entrants[0].figures.failure)
    return asyncio.run(loads.long_words(server.port, Prompts(0)))


def _turns_of(settings: Settings, words: int):
    """Every load's title, and what does it to a server."""
    seconds = settings.seconds

    def closed(server: Server, into: Figures, clients: int) -> None:
        load = loads.closed(server.port, clients, seconds, Prompts(clients))
        into.closed.append(Closed.of(clients, asyncio.run(load)))
        memory = server.memory()
        into.resident, into.peak = memory["resident"], memory["peak"]

    def arriving(server: Server, into: Figures) -> None:
        for number in range(_RATES):
            offered = _FIRST_RATE * _RATE_STEP**number
            if offered * loads.ANSWER < _ALL_ANSWERED * into.most:
                continue
            load = loads.arriving(server.port, offered, seconds, Prompts(1000 + number), number)
            into.open.append(Open.of(offered, asyncio.run(load)))
            if into.open[-1].saturated:
                return

    def mixed(server: Server, into: Figures) -> None:
        into.mixed = Mixed.of(*asyncio.run(loads.chats(server.port, seconds, Prompts(2000), words)))

    def turns(server: Server, into: Figures) -> None:
        first, second = asyncio.run(loads.turns(server.port, _TURNS, Prompts(3000), words))
        times = [[each.first_s for each in turn if each.first_s] for turn in (first, second)]
        if all(times):
            into.first_turn, into.second_turn = map(statistics.median, times)

    if "closed" in settings.loads:
        for clients in settings.clients:
            yield f"{clients} clients", lambda server, into, n=clients: closed(server, into, n)
    if "open" in settings.loads:
        yield "arrivals at random", arriving
    if "mixed" in settings.loads:
        yield "short chats beside long prompts", mixed
    if "turns" in settings.loads:
        yield "second turns", turns
    if "health" in settings.loads and shutil.which("wrk"):
        yield "/health", _health


def _health(server: Server, into: Figures) -> None:
    """Answers of /health a second, as wrk counts."""
    command = ["wrk", "-t1", "-c16", "-d5s", f"http://127.0.0.1:{server.port}/health"]
    told = subprocess.run(command, capture_output=True, text=True).stdout
    if found := re.search(r"Requests/sec:\s*([\d.]+)", told):
        into.health_rate = float(found[1])
