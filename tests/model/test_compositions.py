"""What a row yields does not depend on how its step is composed: steps of rows of several sequences,
chunks of any size beside single rows, some wanting logits and some nothing, on one worker or two, give
the bits that each sequence gives alone, a row a step; on every set, emulated where the CPU lacks it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import gguf
import numpy as np
import pytest

from tests.kernels.sets import SETS as KNOWN
from tests.kernels.sets import emulated, has, skip_without
from tests.model import native, small_gguf
from tests.model.conftest import imported
from tests.model.test_forward import SETS, opened, tokens_of

SEED = 70_001
KV_BLOCK_TOKENS = native.KV_BLOCK_TOKENS
STRETCH = 64  # of two blocks, so that these texts have two
LENGTHS = (45, 97, 120, 20)
BLOCKS = [[17, 3], [8, 0, 5, 14], [2, 11, 7, 16], [9]]
BLOCK_COUNT = 18
MODELS = {
    "q4_1": ("llama", small_gguf.Shape(layers=2, width=96, heads=3, kv_heads=1, head=32)),
    "f16": (
        "llama",
        small_gguf.Shape(
            layers=2,
            heads=2,
            kv_heads=1,
            head=32,
            matrix=gguf.GGMLQuantizationType.F16,
            down=gguf.GGMLQuantizationType.BF16,
        ),
    ),
    "window": (
        "gemma3",
        small_gguf.Shape(
            layers=2,
            heads=2,
            kv_heads=1,
            head=32,
            window=40,
            matrix=gguf.GGMLQuantizationType.Q8_0,
            down=gguf.GGMLQuantizationType.Q4_1,
        ),
    ),
}


@dataclass
class Found:
    """By sequence and position; `cache` has each sequence's blocks in order of its table."""

    logits: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    hidden: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    cache: list[bytes] = field(default_factory=list)


@pytest.fixture(scope="module", params=MODELS)
def model(request, tmp_path_factory, sets):
    """(spec, library of the sets that this CPU has, library of those that it lacks, names of these, packed
    image)."""
    architecture, shape = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    path = small_gguf.write(folder / "model.gguf", shape, architecture=architecture)
    spec = imported(folder, path, "composed")
    own = [isa for isa in sets if has(isa)]
    lacking = [isa for isa in sets if emulated(isa)]
    (folder / "emulated").mkdir()
    libraries = [
        native.build(where, spec, some, emulate, STRETCH) if some else None
        for where, some, emulate in ((folder, own, False), (folder / "emulated", lacking, True))
    ]
    names = {isa.name for isa in lacking}
    return spec, *libraries, names, native.page_aligned(native.pack(spec, path))


def run(forward, texts, steps) -> Found:
    """Runs steps of (sequence, first, rows, wanted) parts; `wanted` says of each row 0 for nothing, 1 for
    logits, 2 for the hidden state too."""
    found = Found()
    for parts in steps:
        rows, hidden = [], []
        for sequence, first, count, wanted in parts:
            for i in range(count):
                position = first + i
                row = (texts[sequence][position], position, BLOCKS[sequence], wanted[i] > 0)
                rows.append(((sequence, position), row))
                hidden.append(wanted[i] == 2)
        logits = forward.step([row for _, row in rows], hidden=hidden)
        for i, (place, _) in enumerate(rows):
            if logits[i] is not None:
                found.logits[place] = logits[i]
            if hidden[i]:
                found.hidden[place] = forward.hidden(i)
    size = len(forward.cache) // BLOCK_COUNT
    for blocks in BLOCKS:
        found.cache.append(b"".join(forward.cache[b * size : (b + 1) * size] for b in blocks))
    return found


def composed(rng):
    """Steps that take all sequences to their ends: some of them in each, in any order, with rows from
    one to as many as are left."""
    done, steps = [0] * len(LENGTHS), []
    while any(a < b for a, b in zip(done, LENGTHS)):
        parts, asked = [], 0
        for sequence in rng.permutation(len(LENGTHS)).tolist():
            left = LENGTHS[sequence] - done[sequence]
            if left and rng.random() < 0.7:
                count = min(left, int(rng.choice([1, 1, 2, 3, 5, 16, 33, 70, left])))
                wanted = rng.choice([0, 0, 1, 2], count)
                wanted[np.cumsum(wanted > 0) + asked > native.LOGITS_MAX] = 0
                asked += int((wanted > 0).sum())
                parts.append((sequence, done[sequence], count, wanted.tolist()))
                done[sequence] += count
        if parts:
            steps.append(parts)
    return steps


def alone():
    """Each sequence by itself, a row a step, of which everything is wanted."""
    return [[(s, i, 1, [2])] for s, length in enumerate(LENGTHS) for i in range(length)]


@pytest.mark.parametrize("name", SETS)
def test_a_row_yields_the_same_in_any_company(name, model, tmp_path):
    spec, own, lacking, names, packed = model
    if name not in names:
        skip_without(next(isa for isa in KNOWN if isa.name == name))
    texts = [tokens_of(spec, length, SEED + i) for i, length in enumerate(LENGTHS)]
    here = lacking if name in names else own
    print(f"seed {SEED}")
    expected = None
    for workers in (1, 2):
        library = tmp_path / f"forward{workers}.so"  # a library starts its workers once
        library.write_bytes(here.read_bytes())
        rng = np.random.default_rng((SEED, workers))
        for steps in ([alone()] if workers == 1 else []) + [composed(rng) for _ in range(3)]:
            forward = opened(library, spec, packed, name, BLOCK_COUNT, workers)
            found = run(forward, texts, steps)
            expected = expected or found
            assert found.cache == expected.cache, "keys and values"
            for kind in ("logits", "hidden"):
                same, others = getattr(expected, kind), getattr(found, kind)
                wrong = [
                    place for place in others if not np.array_equal(others[place], same[place])
                ]
                assert others and not wrong, f"{kind} of (sequence, position) {wrong[:5]}"
