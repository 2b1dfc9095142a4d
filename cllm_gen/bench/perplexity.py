"""`cllm-gen bench --perplexity`: how well our engine and llama.cpp predict the same text with the same
weights, and how far each is from the reference; perplexities must agree, whatever the kernels round.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cllm_gen.bench import quality
from cllm_gen.bench.contest import Hosted
from cllm_gen.bench.judge import STEPS, ours, text_of, theirs
from cllm_gen.bench.peer_weights import SHIPPED
from cllm_gen.bench.peers import Peer, installed
from cllm_gen.bench.quality import Quality
from cllm_gen.image.build import build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance
from cllm_gen.weights.locate import locate

LIMIT = 0.005
"""Ours may differ from llama.cpp's perplexity by this part of it."""


@dataclass(frozen=True)
class Score:
    """One engine's quality."""

    title: str
    quality: Quality


def compare(
    root: Path, spec: Appliance, append: str, with_llama: bool, console: Console | None = None
) -> list[Score]:
    """Prints a table; the scores: ours a token at a time, ours in large steps, llama.cpp's. Raises
    RunFailed when ours is further from llama.cpp's than LIMIT."""
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    shipped, reference = locate(root, spec.model.weights), None
    with console.status("build"):
        image = build(root, spec.process.name, spec.name)
        hosted = Hosted(image, 1, append)
        try:
            text, kernels = text_of(hosted, spec.model.vocabulary), hosted.kernels()
        finally:
            hosted.stop()
    if with_llama and not installed(root):
        console.print("llama.cpp is not installed; it comes with: make setup-bench")
        with_llama = False
    if with_llama:
        with console.status("the reference"):
            reference = quality.reference(root, shipped, text)
    with console.status("ours"):
        found = ours(root, spec, image, text, reference, append)
    scores = [Score(f"cllm, steps of {rows}", each) for rows, each in zip(STEPS, found)]
    if reference is not None:
        with console.status("llama.cpp"), Peer(root, "llama", shipped, SHIPPED, 2) as peer:
            scores.append(Score("llama.cpp, the same file", theirs(root, peer, text, reference)))
    console.print(_table(f"{spec.model.title}: perplexity, kernels {kernels}", scores))
    if reference is not None:
        for each in scores[:-1]:
            if abs(each.quality.perplexity / scores[-1].quality.perplexity - 1) > LIMIT:
                raise RunFailed(f"{each.title}: further than {100 * LIMIT} % from llama.cpp's")
    return scores


def _table(title: str, scores: list[Score]) -> Table:
    caption = "Divergence and same tokens: from llama.cpp in F32 on the same file, by position."
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("engine")
    for head in ("positions", "perplexity", "KL divergence\nnats", "same likeliest\ntoken"):
        table.add_column(head, justify="right")
    for each in scores:
        divergence, same, _ = each.quality.shown
        table.add_row(
            each.title,
            str(each.quality.positions),
            f"{each.quality.perplexity:.4f}",
            divergence,
            same,
        )
    return table
