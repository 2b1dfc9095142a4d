"""The promise about the real model: over 34 texts the generated pass, which multiplies rounded
integers, gives the same distributions as a float64 reference over the same dequantised weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from cllm_gen.weights.gguf_file import GgufFile
from tests.model.conftest import ROOT
from tests.model.prompts import PROMPTS
from tests.model.test_forward import SETS, opened
from tests.reference import llama

MEAN_DIVERGENCE = 0.005  # nats
SAME_GREEDY = 0.98
CONTROL = 3
BEGINNINGS = {"word32": 16, "word64": 16}
"""Sets for emulated CPUs are slow on a real one: positions of each text that they go through."""


def encoded(file: GgufFile) -> list[list[int]]:
    """The prompts as tokens, by the tokenizers package fed the file's vocabulary."""
    tokens = file.metadata["tokenizer.ggml.tokens"]
    merges = [tuple(text.split(" ")) for text in file.metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(
        models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    kinds = file.metadata["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens(
        [AddedToken(t) for t, kind in zip(tokens, kinds) if kind == CONTROL]
    )
    return [tokenizer.encode(text).ids for text in PROMPTS]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@pytest.fixture(scope="module")
def reference(real):
    """Prompts and the reference's logits; the slow part is kept under build/ by its content."""
    path = real[1]
    file = GgufFile(path)
    prompts = encoded(file)
    key = hashlib.sha256(hashlib.sha256(file.data).digest() + repr(prompts).encode())
    key.update(Path(llama.__file__).read_bytes())
    kept = ROOT / "build" / "reference" / f"{key.hexdigest()[:16]}.npz"
    if not kept.exists():
        model = llama.Reference(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npz")
        np.savez(part, *(model.logits(tokens).astype(np.float32) for tokens in prompts))
        for old in kept.parent.glob("*.npz"):
            if old != part:
                old.unlink()
        part.replace(kept)
    with np.load(kept) as stored:
        return prompts, [log_softmax(stored[name]) for name in stored.files]


def test_nothing_is_left_out(reference, sets):
    prompts, _ = reference
    assert set(SETS) == {isa.name for isa in sets}
    assert len(prompts) >= 30
    assert sum(map(len, prompts)) > 1000


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", SETS)
def test_distributions_agree(name, real, reference):
    model, _, library, packed = real
    forward = opened(library, model, packed, name, 8)
    divergence, same = [], []
    for tokens, expected in zip(*reference):
        tokens, expected = tokens[: BEGINNINGS.get(name)], expected[: BEGINNINGS.get(name)]
        found = log_softmax(forward.logits(tokens))
        divergence.append((np.exp(expected) * (expected - found)).sum(-1))
        same.append(expected.argmax(-1) == found.argmax(-1))
    divergence, same = np.concatenate(divergence), np.concatenate(same)
    print(
        f"{name}: mean divergence {divergence.mean():.6f} nats, most {divergence.max():.4f}, "
        f"same greedy token {same.mean():.4f} of {len(same)}"
    )
    assert np.isfinite(divergence).all()
    assert divergence.mean() <= MEAN_DIVERGENCE
    assert same.mean() >= SAME_GREEDY
