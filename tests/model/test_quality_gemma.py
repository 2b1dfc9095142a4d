"""The promise of test_quality.py about the second model's real weights, over fewer positions: some
texts, and the end of one that is longer than the window of its windowed layers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.locate import locate
from tests.model import native
from tests.model.prompts import PROMPTS
from tests.model.test_forward import opened
from tests.model.test_quality import MEAN_DIVERGENCE, SAME_GREEDY, log_softmax
from tests.reference import decoders
from tests.tokenizer import sentencepieces

SETS = ("avx2", "avx_vnni", "avx512", "avx512_bf16", "amx", "sse2", "ssse3")
BEGINNINGS = {"sse2": 12, "ssse3": 12}
"""Sets that are slow: positions of each text that they go through."""
TEXTS, TAIL, STEP = PROMPTS[5:21], 40, 8


def encoded(file: GgufFile) -> list[tuple[list[int], int]]:
    """Texts as tokens, each with the first position that is compared."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=sentencepieces.read_gguf(file))
    beginning = [file.metadata["tokenizer.ggml.bos_token_id"]]
    found = [(beginning + processor.encode(text), 0) for text in TEXTS]
    long = beginning + processor.encode("\n".join(PROMPTS[5:]))
    assert len(long) > file.metadata["gemma3.attention.sliding_window"] + 2 * TAIL
    return [*found, (long, len(long) - TAIL)]


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """The model: (spec, GGUF, library, packed image)."""
    appliance = load_appliances(native.ROOT, "gemma3")[0]
    model = appliance.model
    try:
        path = locate(native.ROOT, model.weights)
    except ModelFileError as error:
        pytest.skip(str(error))
    sets = [isa for isa in appliance.targets[appliance.process] if isa.name in SETS]
    library = native.build(tmp_path_factory.mktemp("gemma"), model, sets)
    return model, path, library, native.page_aligned(native.pack(model, path))


@pytest.fixture(scope="module")
def reference(gemma):
    """Texts, and what the reference says of their compared positions as hidden states: logits of so
    large a vocabulary would fill a gigabyte. Kept under build/ by content."""
    path = gemma[1]
    file = GgufFile(path)
    texts = encoded(file)
    key = hashlib.sha256(hashlib.sha256(file.data).digest() + repr(texts).encode())
    key.update(Path(decoders.__file__).read_bytes())
    kept = native.ROOT / "build" / "reference" / f"gemma-{key.hexdigest()[:16]}.npz.kept"
    if not kept.exists():
        model = decoders.Gemma3(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part.npz")
        np.savez(part, *(model.hidden(tokens)[first:] for tokens, first in texts))
        part.replace(kept)
    with np.load(kept) as stored:
        return texts, [stored[name] for name in stored.files]


@pytest.fixture(scope="module")
def head(gemma):
    """The output matrix, transposed."""
    return GgufFile(gemma[1]).tensors["token_embd.weight"].values().T


def found_logits(forward, tokens: list[int], first: int) -> np.ndarray:
    """Logits from position `first` on; the rows before it ask for none."""
    blocks = list(range(-(-len(tokens) // native.KV_BLOCK_TOKENS)))
    for start in range(0, first, STEP):
        part = range(start, min(start + STEP, first))
        forward.step([(tokens[i], i, blocks, False) for i in part])
    found = []
    for start in range(first, len(tokens), STEP):
        part = range(start, min(start + STEP, len(tokens)))
        found += forward.step([(tokens[i], i, blocks, True) for i in part])
    return np.stack(found)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", SETS)
def test_distributions_agree(name, gemma, reference, head):
    model, _, library, packed = gemma
    forward = opened(library, model, packed, name, 40)
    divergence, same = [], []
    for (tokens, first), hidden in zip(*reference):
        if name in BEGINNINGS:
            if first:
                continue
            tokens, hidden = tokens[: BEGINNINGS[name]], hidden[: BEGINNINGS[name]]
        expected = log_softmax(hidden.astype(np.float32) @ head)
        found = log_softmax(found_logits(forward, tokens, first))
        divergence.append((np.exp(expected) * (expected - found)).sum(-1))
        same.append(expected.argmax(-1) == found.argmax(-1))
    print(f"{name}: at the end of the long text {divergence[-1].mean():.6f} nats")
    divergence, same = np.concatenate(divergence), np.concatenate(same)
    print(
        f"{name}: mean divergence {divergence.mean():.6f} nats, most {divergence.max():.4f}, "
        f"same greedy token {same.mean():.4f} of {len(same)}"
    )
    assert np.isfinite(divergence).all()
    assert divergence.mean() <= MEAN_DIVERGENCE
    assert same.mean() >= SAME_GREEDY
