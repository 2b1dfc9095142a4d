"""Models of every weight type: imported, packed, and compared with the reference."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from tests.kernels import gguf_blocks
from tests.model import native, small_gguf
from tests.model.conftest import imported
from tests.model.small_gguf import Shape
from tests.reference.llama import Reference

TYPES = gguf.GGMLQuantizationType


@pytest.fixture
def any_type(monkeypatch):
    """Lets the writer quantise to the K types, which the gguf package only reads: random blocks, whose
    values need not be those that were asked for."""
    quantize = gguf.quants.quantize

    def any_quantize(values, kind):
        if not kind.name.endswith("_K"):
            return quantize(values, kind)
        rng = np.random.default_rng(values.shape)
        return gguf_blocks.matrix(kind.name.lower(), *values.shape, rng)

    monkeypatch.setattr(gguf.quants, "quantize", any_quantize)


@pytest.mark.parametrize(
    "pair",
    [
        (TYPES.F16, TYPES.BF16),
        (TYPES.F32, TYPES.Q5_1),
        (TYPES.Q4_0, TYPES.Q5_0),
        (TYPES.Q4_K, TYPES.Q6_K),
        (TYPES.Q5_K, TYPES.F16),
    ],
    ids=lambda pair: f"{pair[0].name}-{pair[1].name}",
)
def test_a_model_agrees_with_the_reference(tmp_path, sets, any_type, pair):
    shape = Shape(1, 256, 4, 2, 64, 512, matrix=pair[0], down=pair[1])
    path = small_gguf.write(tmp_path / "tiny.gguf", shape)
    model = imported(tmp_path, path, "typed")
    chosen = [isa for isa in sets if isa.name in ("sse2", "ssse3", "avx2")]
    library = native.build(tmp_path, model, chosen)
    packed = native.page_aligned(native.pack(model, path))
    tokens = np.random.default_rng(3).integers(0, model.vocabulary, 40).tolist()
    expected = Reference(path).logits(tokens)
    forward = native.Pass(library, model, packed, None, 4)
    found = forward.logits(tokens)
    assert np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()) < 0.03
