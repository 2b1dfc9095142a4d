"""`cllm-gen bench --perplexity`: how well our engine and llama.cpp predict the same text with the same
weights; the two must agree, whatever the kernels round."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cllm_gen.bench.contest import Hosted, passage
from cllm_gen.bench.peer_weights import SHIPPED
from cllm_gen.bench.peers import Peer, installed
from cllm_gen.image.build import Image, build
from cllm_gen.image.variant import variant
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.process import die_with_parent
from cllm_gen.spec.appliance import Appliance
from cllm_gen.weights.locate import locate

_SOURCE = Path(__file__).with_name("score.c")
WINDOW = 512
STEPS = (1, 64)
"""Rows of a step: what the kernels for few rows and those for many do. A step has logits for a few
of its rows only and so is run again and again: not more than enough for the kernels for many."""
LIMIT = 0.005
"""Ours may differ from llama.cpp's perplexity by this part of it."""


@dataclass(frozen=True)
class Score:
    """Natural logarithms of the probabilities of every token but a window's first."""

    title: str
    logprobs: list[float]

    @property
    def perplexity(self) -> float:
        return math.exp(-sum(self.logprobs) / len(self.logprobs))


def scorer(root: Path, spec: Appliance, image: Image) -> Path:
    """The image that scores instead of serving."""
    return variant(root, spec, image, _SOURCE)


def score(binary: Path, image: Image, tokens: list[int], rows: int, append: str) -> list[float]:
    """Our log-probabilities, `rows` tokens a step."""
    told = " ".join(map(str, [rows, WINDOW, len(tokens), *tokens]))
    command = [str(binary), f"model={image.model}", "memory=2048", *append.split()]
    done = subprocess.run(
        command, input=told, capture_output=True, text=True, preexec_fn=die_with_parent
    )
    if done.returncode:
        raise RunFailed(f"the scorer failed:\n{done.stdout[-1000:]}{done.stderr}")
    lines = done.stdout.splitlines()
    return [float(line[6:]) for line in lines if line.startswith("score ")]


def compare(
    root: Path, spec: Appliance, append: str, with_llama: bool, console: Console | None = None
) -> list[Score]:
    """Prints a table; the scores: ours a token at a time, ours in large steps, llama.cpp's. Raises
    RunFailed when ours is further from llama.cpp's than LIMIT."""
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
        binary = scorer(root, spec, image)
        hosted = Hosted(image, 1, append)
        try:
            tokens = hosted.tokenize(passage())
            kernels = hosted.kernels()
        finally:
            hosted.stop()
    scores = []
    for rows in STEPS:
        with console.status(f"score in steps of {rows}"):
            found = score(binary, image, tokens, rows, append)
        scores.append(Score(f"cllm, steps of {rows}", found))
    if with_llama and installed(root):
        with console.status("score by llama.cpp"):
            with Peer(root, "llama", locate(root, spec.model.weights), SHIPPED, 2) as peer:
                windows = [tokens[i : i + WINDOW] for i in range(0, len(tokens), WINDOW)]
                logprobs = [x for part in windows for x in peer.ask(score=part)["logprobs"]]
        scores.append(Score("llama.cpp, the same file", logprobs))
    elif with_llama:
        console.print("llama.cpp is not installed; it comes with: make setup-bench")
        with_llama = False
    console.print(_table(f"{spec.model.title}: perplexity, kernels {kernels}", scores, with_llama))
    if with_llama:
        for each in scores[:-1]:
            if abs(each.perplexity / scores[-1].perplexity - 1) > LIMIT:
                raise RunFailed(f"{each.title}: further than {100 * LIMIT} % from llama.cpp's")
    return scores


def _table(title: str, scores: list[Score], with_llama: bool) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("engine")
    for head in ("tokens", "perplexity", "beside llama.cpp", "mean difference\nof logarithms"):
        table.add_column(head, justify="right")
    for each in scores:
        cells = [each.title, str(len(each.logprobs)), f"{each.perplexity:.4f}"]
        if with_llama:
            reference = scores[-1]
            pairs = zip(each.logprobs, reference.logprobs, strict=True)
            apart = sum(abs(a - b) for a, b in pairs) / len(reference.logprobs)
            cells.append(f"{100 * (each.perplexity / reference.perplexity - 1):+.3f} %")
            cells.append(f"{apart:.5f}")
        table.add_row(*cells)
    return table
