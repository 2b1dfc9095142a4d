"""How near an engine's answers are to what the model's file says: its distribution of the next token
beside a reference's, position by position over one text (logits.py).

The reference is llama.cpp on the same file dequantised into F32, with activations and a KV cache of
F32 and without flash attention: an implementation that is not ours and knows every family of models
here. The F32 values are those that the file stands for; what remains is rounding of F32.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cllm_gen.bench.logits import Text, of_peer
from cllm_gen.bench.peers import EXACT, Peer


@dataclass(frozen=True)
class Quality:
    """divergence  mean Kullback-Leibler divergence of the reference's distribution from this one, nats
    same        share of positions at which both find the same token likeliest
    perplexity  of the text
    positions   rows that were compared
    """

    divergence: float | None
    same: float | None
    perplexity: float
    positions: int

    @property
    def shown(self) -> tuple[str, str, str]:
        """Divergence, same tokens and perplexity for a table."""
        return (
            "-" if self.divergence is None else _digits(max(self.divergence, 0), 5),
            "-" if self.same is None else f"{100 * self.same:.1f}%",
            _digits(self.perplexity, 2),
        )


def _digits(value: float, small: int) -> str:
    """`small` decimals, or less of a value that is large, so that it takes seven characters at most."""
    return f"{value:.{small}f}"[: 7 if value < 1e6 else None].rstrip(".")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Of one row, in float64."""
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - math.log(np.exp(shifted).sum())


def measure(text: Text, reference: np.ndarray | None, rows: Iterable[np.ndarray]) -> Quality:
    """Of an engine's logits. `reference` is what `reference()` gives; without it divergence and same
    tokens are not known."""
    divergences, same, logarithms = [], [], []
    for i, (token, row) in enumerate(zip(text.following, rows, strict=True)):
        found = log_softmax(row)
        logarithms.append(found[token])
        if reference is not None:
            expected = reference[i].astype(np.float64)
            divergences.append(np.exp(expected) @ (expected - found))
            same.append(expected.argmax() == found.argmax())
    return Quality(
        float(np.mean(divergences)) if divergences else None,
        float(np.mean(same)) if same else None,
        math.exp(-np.mean(logarithms)),
        len(logarithms),
    )


def worse(one: Quality, other: Quality) -> Quality:
    """Each figure from the one in which it is worse."""
    if one.divergence is None or other.divergence is None or one.same is None or other.same is None:
        return max(one, other, key=lambda each: each.perplexity)
    return Quality(
        max(one.divergence, other.divergence),
        min(one.same, other.same),
        max(one.perplexity, other.perplexity),
        one.positions,
    )


def reference(root: Path, shipped: Path, text: Text) -> np.ndarray:
    """The reference's natural logarithms of probabilities, (positions, vocabulary) as float32: kept
    below build/bench by the content of the file and the text. RunFailed without peers."""
    folder = root / "build" / "bench" / "reference"
    key = hashlib.sha256(repr(text).encode())
    with shipped.open("rb") as stream:
        key.update(hashlib.file_digest(stream, "sha256").digest())
    kept = folder / f"{shipped.stem}.{key.hexdigest()[:16]}.npy"
    if not kept.exists():
        shape = (len(text.following), text.vocabulary)
        with Peer(root, EXACT, shipped, "f32", len(os.sched_getaffinity(0))) as peer:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                part = kept.with_suffix(".part")
                rows = np.lib.format.open_memmap(part, "w+", np.float32, shape)
                for i, row in enumerate(of_peer(peer, text, folder)):
                    rows[i] = log_softmax(row)
                rows.flush()
            finally:
                peer.file.unlink()  # the largest of all files, of no other use
        part.replace(kept)
    return np.load(kept, mmap_mode="r")
