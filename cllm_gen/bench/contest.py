"""Engines side by side: the same prompts to each in turn, round after round, one at work at a time.

A run is a prompt and a greedy answer, batch 1, and then prompts alone until all have taken PROMPTS_S
together, so that no fast engine's rate hangs on a moment. `prompt_s` is the time to the first token,
`answer_s` from there to the last, so the answer's rate is that of the tokens after the first. Ours
is asked over HTTP as a user would and reports both times itself (`timings` in its answer, clocked
inside the engine); a peer's are taken round its own calls, without HTTP; `whole_s` is the whole
request with an answer as whoever asked saw it, HTTP included for ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import requests

from cllm_gen.bench.peer_weights import SAME
from cllm_gen.bench.peers import TITLES, Peer
from cllm_gen.bench.quality import Quality
from cllm_gen.image.build import Image
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import Machine
from cllm_gen.machine.run import start_image

OURS = "cllm"
_PASSAGE = Path(__file__).with_name("passage.txt")
_MEMORY = 2048  # MiB of our process
NEAR = 0.05  # nats: ten times what rounding to bytes costs, a fifth of what Q4_0 loses
PROMPTS_S = 1.0  # seconds of prompts in a run, at least


@dataclass(frozen=True)
class Run:
    """One prompt and its answer, and prompts as long alone; seconds and tokens."""

    prompt_tokens: int
    prompt_s: float
    answered: int
    answer_s: float
    whole_s: float
    alone_s: tuple[float, ...] = ()
    """Times to the first token of the prompts alone."""

    @property
    def prefill(self) -> float:
        times = (self.prompt_s, *self.alone_s)
        return self.prompt_tokens * len(times) / sum(times)

    @property
    def decode(self) -> float:
        return (self.answered - 1) / self.answer_s if self.answer_s else 0.0


@dataclass
class Entrant:
    """One engine with one set of weights at one number of threads, and what it did. `build` is one of
    peers.BUILDS, where it is not the one that has all that this CPU has. `failure` says
    why it has no runs; `detail` its version or kernels; `quality` how near its answers are to the
    file's, `doubt` why that is not known."""

    engine: str
    weights: str
    threads: int
    file: Path | None = None
    build: str = ""
    detail: str = ""
    failure: str = ""
    runs: list[Run] = field(default_factory=list)
    quality: Quality | None = None
    doubt: str = ""

    @property
    def title(self) -> str:
        name = f"{TITLES.get(self.engine, self.engine)} {self.weights}"
        return f"{name}, {self.build}" if self.build else name

    @property
    def near(self) -> bool:
        """Whether it answers as the file says: it has the file's values, not another model made from
        them, and its divergence, where it is known, is below NEAR."""
        far = self.quality and self.quality.divergence and self.quality.divergence > NEAR
        return self.weights in SAME and not far

    @property
    def place(self) -> str:
        """Title and number of threads."""
        return f"{self.title}, {self.threads} thread{'s' * (self.threads > 1)}"


class Engine(Protocol):
    """A started entrant."""

    def run(self, prompt: list[int], answer: int) -> Run: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def stop(self) -> None: ...


class Hosted:
    """Our engine as a Linux process, asked over HTTP."""

    def __init__(self, image: Image, threads: int, append: str):
        guesses = "" if "guesses=" in append else "guesses=0"  # peers make none
        words = " ".join(f"cpus={threads} {guesses} {append}".split())
        self.machine: Machine = start_image(image, memory=_MEMORY, append=words)[0]
        self.machine.wait_ready()
        self.machine.wait_for("ready")

    def kernels(self) -> str:
        """What the console says of the kernels that were picked."""
        lines = [line for line in self.machine.console.splitlines() if "kernels " in line]
        return lines[-1].split("kernels ", 1)[1].split(", context")[0] if lines else ""

    def tokenize(self, text: str) -> list[int]:
        answer = requests.post(
            self.machine.url + "/tokenize", json={"content": text, "add_special": True}, timeout=60
        )
        answer.raise_for_status()
        return answer.json()["tokens"]

    def run(self, prompt: list[int], answer: int) -> Run:
        body = {
            "prompt": prompt,
            "max_tokens": answer,
            "temperature": 0,
            "cache_prompt": False,
        }
        begun = time.perf_counter()
        response = requests.post(self.machine.url + "/v1/completions", json=body, timeout=600)
        whole = time.perf_counter() - begun
        if response.status_code != 200:
            raise RunFailed(f"our engine answered {response.status_code}: {response.text[:200]}")
        times = response.json()["timings"]
        return Run(
            times["prompt_n"],
            times["prompt_ms"] / 1e3,
            times["predicted_n"],
            times["predicted_ms"] / 1e3,
            whole,
        )

    def pause(self) -> None:
        pass  # its workers sleep when there is nothing to do, and its server waits for packets

    resume = pause

    def stop(self) -> None:
        self.machine.stop()


class Rival:
    """A peer."""

    def __init__(self, peer: Peer):
        self.peer, self.pause, self.resume, self.stop = peer, peer.pause, peer.resume, peer.stop

    def run(self, prompt: list[int], answer: int) -> Run:
        begun = time.perf_counter()
        told = self.peer.ask(prompt=prompt, answer=answer)
        whole = time.perf_counter() - begun
        return Run(len(prompt), told["prompt_s"], told["answered"], told["answer_s"], whole)


def passage() -> str:
    """A text of some two thousand tokens, written for this project."""
    return _PASSAGE.read_text(encoding="utf-8")


def prompts(tokens: list[int], length: int) -> Iterator[list[int]]:
    """Prompts without a common beginning: the passage from another place each time, as a ring."""
    ring, start = tokens + tokens[: length + 1], 0
    while True:
        yield ring[start : start + length]
        start = (start + 61) % len(tokens)


def _run(engine: Engine, texts: Iterator[list[int]], answer: int) -> Run:
    """A prompt with its answer, and as many prompts alone as it takes."""
    done = engine.run(next(texts), answer)
    alone: list[float] = []
    while done.prompt_s + sum(alone) < PROMPTS_S:
        alone.append(engine.run(next(texts), 1).prompt_s)
    return replace(done, alone_s=tuple(alone))


def hold(
    entrants: list[tuple[Entrant, Engine]],
    tokens: list[int],
    rounds: int,
    length: int,
    answer: int,
    progress: Callable[[str], None],
) -> None:
    """Runs every entrant `rounds` times after one that is not counted; all paused but the one at
    work. An entrant that fails is left out from then on."""
    texts = prompts(tokens, length)
    for _, engine in entrants:
        engine.pause()
    for turn in range(rounds + 1):
        for entrant, engine in entrants:
            if entrant.failure:
                continue
            progress(f"{f'round {turn} of {rounds}' if turn else 'warm-up'}: {entrant.place}")
            engine.resume()
            try:
                done = _run(engine, texts, answer)
                if turn:
                    entrant.runs.append(done)
            except RunFailed as error:
                entrant.failure = str(error)
            finally:
                engine.pause()
