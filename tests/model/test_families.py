"""Every family from a small random GGUF through import, generation and packing to a pass that agrees
with a float64 reference; and what a family does not know is refused."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.importer import import_gguf
from tests.model import native, small_gguf
from tests.model.conftest import imported
from tests.model.small_gguf import Shape
from tests.reference.decoders import Gemma3, Qwen
from tests.reference.llama import Reference

LARGEST_ERROR = 0.03  # of the logits' root mean square: activations are rounded to ten bits
CHOSEN = ("sse2", "ssse3", "avx2", "avx_vnni", "avx512", "avx512_bf16")
FACTORS = (1.0, 1.0, 1.5, 2.5, 4.0, 8.0, 8.0, 8.0)


class Scaled(Reference):
    """Llama with divided frequencies."""

    def turn(self, x, positions):
        width = x.shape[-1]
        angles = positions[:, None, None] * self.base ** (-np.arange(0, width, 2) / width) / FACTORS
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.empty_like(x)
        turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
        turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
        return turned


Q8 = gguf.GGMLQuantizationType.Q8_0
FAMILIES = {
    "qwen2": ("qwen2", Shape(layers=2), Qwen),
    "qwen2_own_output": ("qwen2", Shape(layers=1, heads=2, kv_heads=2, head=32, tied=False), Qwen),
    "qwen3": ("qwen3", Shape(layers=2), Qwen),
    "qwen3_wide_heads": ("qwen3", Shape(layers=1, heads=2, kv_heads=1, head=80, matrix=Q8), Qwen),
    "gemma3": ("gemma3", Shape(layers=7, window=24), Gemma3),
    "gemma3_one_group": (
        "gemma3",
        Shape(layers=6, width=96, heads=4, kv_heads=1, head=64, hidden=128, window=512),
        Gemma3,
    ),
    "qwen3_ragged": ("qwen3", Shape(layers=1, more_tokens=5, tied=False), Qwen),
    "llama_divided_ragged": (
        "llama",
        Shape(layers=2, rope_factors=FACTORS, more_tokens=11),
        Scaled,
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_agrees_with_the_reference(tmp_path, sets, name):
    architecture, shape, reference = FAMILIES[name]
    path = small_gguf.write(tmp_path / "tiny.gguf", shape, architecture=architecture)
    model = imported(tmp_path, path, name)
    chosen = [isa for isa in sets if isa.name in CHOSEN]
    library = native.build(tmp_path, model, chosen)
    packed = native.page_aligned(native.pack(model, path))
    tokens = np.random.default_rng(3).integers(0, model.vocabulary, 90).tolist()
    expected = reference(path).logits(tokens)
    ran = 0
    for isa in chosen:
        try:
            forward = native.Pass(library, model, packed, isa.name, 4)
        except RuntimeError as refusal:
            assert "expected a set that this CPU has" in str(refusal)
            continue
        found = forward.logits(tokens)
        error = np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
        print(f"{name} with {isa.name}: {error:.4f}")
        assert error < LARGEST_ERROR
        ran += 1
    assert ran


def test_families_differ(tmp_path):
    """The reference tells apart what the families do: a test that passes for all would show nothing."""
    logits = []
    for window in (24, 512):
        shape = Shape(layers=2, window=window)
        path = small_gguf.write(tmp_path / f"{window}.gguf", shape, architecture="gemma3")
        logits.append(Gemma3(path).logits(list(range(60))))
    assert np.allclose(logits[0][:24], logits[1][:24])
    assert np.abs(logits[0][30:] - logits[1][30:]).max() > 0.1


def refused(
    folder, match: str, architecture: str = "llama", shape: Shape | None = None, **metadata
):
    """Imports a small file to whose metadata `metadata` was added."""
    path = folder / "bad.gguf"
    original = gguf.GGUFWriter.write_header_to_file

    def with_more(self, *arguments, **named):
        for key, value in metadata.items():
            key = f"{architecture}.{key.replace('__', '.')}"
            kind = {bool: self.add_bool, int: self.add_uint32, float: self.add_float32}
            kind.get(type(value), self.add_string)(key, value)
        return original(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gguf.GGUFWriter, "write_header_to_file", with_more)
        small_gguf.write(path, shape or Shape(), architecture=architecture)
    with pytest.raises(ModelFileError, match=match):
        import_gguf(folder, path, "bad")


@pytest.mark.parametrize(
    "match,metadata",
    [
        ("llama.expert_count is 8", {"expert_count": 8}),
        ("llama.final_logit_softcapping is 30.0", {"final_logit_softcapping": 30.0}),
        ("llama.rope.scaling.type is 'yarn'; known are", {"rope__scaling__type": "yarn"}),
        ("llama.attention.value_length is 8", {"attention__value_length": 8}),
        ("llama.attention.sliding_window is 64", {"attention__sliding_window": 64}),
        ("llama.attention.causal is False", {"attention__causal": False}),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_a_family_does_not_know_is_named(tmp_path, match, metadata):
    refused(tmp_path, match, **metadata)


def test_a_family_without_what_it_needs_is_named(tmp_path):
    refused(tmp_path, "the window of windowed attention is None", "gemma3", Shape(window=None))
    refused(tmp_path, "rope_freqs.weight is f32 of shape", shape=Shape(rope_factors=(1.0, 2.0)))
    refused(tmp_path, "values that are not positive", shape=Shape(rope_factors=(0.0,) * 8))


def test_linear_scaling_is_one_divisor(tmp_path):
    path = tmp_path / "long.gguf"
    original = gguf.GGUFWriter.write_header_to_file

    def with_scaling(self, *arguments, **named):
        self.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        self.add_rope_scaling_factor(8.0)
        return original(self, *arguments, **named)

    gguf.GGUFWriter.write_header_to_file = with_scaling
    try:
        small_gguf.write(path, architecture="qwen2")
    finally:
        gguf.GGUFWriter.write_header_to_file = original
    text = (tmp_path / import_gguf(tmp_path, path, "long")).read_text()
    assert "Rope(width=16, base=5000.0, halves=True, divisors=(8.0,))" in text
