"""The quality of the engines of a contest, each on the same positions of the same text."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cllm_gen.bench import logits, quality
from cllm_gen.bench.contest import OURS, Entrant, Hosted, passage
from cllm_gen.bench.logits import Text
from cllm_gen.bench.peers import Peer, installed
from cllm_gen.bench.quality import Quality
from cllm_gen.image.build import Image
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.appliance import Appliance

STEPS = (1, 64)
"""Rows of a step of ours: what the kernels for few rows and those for many do."""


def text_of(hosted: Hosted, vocabulary: int) -> Text:
    """The passage as the served model's tokenizer cuts it."""
    begin = hosted.tokenize("")
    return Text.of(hosted.tokenize(passage())[len(begin) :], begin, vocabulary)


def ours(
    root: Path, spec: Appliance, image: Image, text: Text, reference: np.ndarray | None, append: str
) -> list[Quality]:
    """Ours in steps of each of STEPS."""
    binary = logits.program(root, spec, image)
    return [
        quality.measure(text, reference, logits.of_ours(binary, image, text, rows, append))
        for rows in STEPS
    ]


def theirs(root: Path, peer: Peer, text: Text, reference: np.ndarray | None) -> Quality:
    folder = root / "build" / "bench"
    return quality.measure(text, reference, logits.of_peer(peer, text, folder))


def _kind(entrant: Entrant) -> tuple[str, str, str]:
    """What entrants have in common that give the same answers."""
    return entrant.engine, entrant.weights, entrant.build


def judge(
    root: Path,
    spec: Appliance,
    image: Image,
    shipped: Path,
    entrants: list[Entrant],
    append: str,
    progress: Callable[[str], None],
) -> None:
    """Gives every entrant that runs its quality: ours the worse of its kernels for few rows and for
    many, a peer's of whole windows. Without peers there is no reference, and perplexity alone. An
    entrant whose logits cannot be had is left without, and `doubt` says why."""
    cpus = len(os.sched_getaffinity(0))
    hosted = Hosted(image, 1, append)
    try:
        text = text_of(hosted, spec.model.vocabulary)
    finally:
        hosted.stop()
    progress("quality: the reference")
    reference = quality.reference(root, shipped, text) if installed(root) else None
    for kind in dict.fromkeys(_kind(each) for each in entrants if not each.failure):
        same = [each for each in entrants if _kind(each) == kind]
        engine, weights, built = kind
        progress(f"quality: {same[0].title}")
        try:
            if engine == OURS:
                few, many = ours(root, spec, image, text, reference, f"cpus={cpus} {append}")
                found = quality.worse(few, many)
            else:
                with Peer(root, engine, shipped, weights, cpus, built) as peer:
                    found = theirs(root, peer, text, reference)
        except RunFailed as error:
            for each in same:
                each.doubt = f"no quality: {error}"
            continue
        for each in same:
            each.quality = found
