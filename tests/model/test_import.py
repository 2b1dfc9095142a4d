"""`cllm-gen import`: a GGUF becomes a spec that generates, or one clear refusal."""

from __future__ import annotations

import subprocess
import sys

import gguf
import numpy as np
import pytest

from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.importer import import_gguf, spec_source
from cllm_gen.weights.locate import locate
from tests.model import native, small_gguf
from tests.model.conftest import ROOT, imported
from tests.model.small_gguf import Shape
from tests.reference.llama import Reference


def test_the_committed_spec_is_what_import_writes(appliance):
    file = GgufFile(locate(ROOT, appliance.model.weights))
    assert spec_source(file, "smollm2_135m") == (ROOT / "specs/models/smollm2_135m.py").read_text()


def test_the_second_committed_spec_is_what_import_writes():
    try:
        path = locate(ROOT, load_appliances(ROOT, "gemma3")[0].model.weights)
    except ModelFileError as error:
        pytest.skip(str(error))
    committed = (ROOT / "specs/models/gemma3_270m.py").read_text()
    assert spec_source(GgufFile(path), "gemma3_270m") == committed


def test_a_spec_is_formatted(tmp_path):
    path = small_gguf.write(tmp_path / "tiny.gguf")
    written = tmp_path / import_gguf(tmp_path, path, "tiny")
    command = [sys.executable, "-m", "black", "-q", "--check", "-l", "100", str(written)]
    assert subprocess.run(command).returncode == 0
    assert len(written.read_text().splitlines()) < 80


def test_the_name_comes_from_the_metadata(tmp_path):
    path = small_gguf.write(tmp_path / "whatever.gguf")
    assert import_gguf(tmp_path, path, None) == "specs/models/tiny_1k.py"


SHAPES = {
    "wide_heads_and_own_output": Shape(
        layers=2, width=96, heads=2, kv_heads=1, head=32, hidden=160, tied=False
    ),
    "no_grouping": Shape(layers=1, width=64, heads=2, kv_heads=2, head=32, hidden=64),
    "all_eight_bits": Shape(
        layers=2, matrix=gguf.GGMLQuantizationType.Q8_0, down=gguf.GGMLQuantizationType.Q8_0
    ),
    "mixed": Shape(layers=2, down=gguf.GGMLQuantizationType.Q8_0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_other_shapes_generate_and_agree_with_the_reference(tmp_path, sets, name):
    path = small_gguf.write(tmp_path / "tiny.gguf", SHAPES[name])
    model = imported(tmp_path, path, name)
    chosen = [isa for isa in sets if isa.name in ("sse2", "avx2")]
    library = native.build(tmp_path, model, chosen)
    forward = native.Pass(library, model, native.page_aligned(native.pack(model, path)), None, 4)
    tokens = np.random.default_rng(3).integers(0, model.vocabulary, 60).tolist()
    expected, found = Reference(path).logits(tokens), forward.logits(tokens)
    assert np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()) < 0.03


def refused(tmp_path, match, **changes):
    """Imports a small file after `changes` to what its writer is asked for."""
    path = tmp_path / "bad.gguf"
    writer = gguf.GGUFWriter
    original = {name: getattr(writer, name) for name in changes}
    try:
        for name, change in changes.items():
            setattr(writer, name, change(original[name]))
        small_gguf.write(path)
    finally:
        for name, method in original.items():
            setattr(writer, name, method)
    with pytest.raises(ModelFileError, match=match):
        import_gguf(tmp_path, path, "bad")
    assert not (tmp_path / "specs/models/bad.py").exists()


def with_value(value):
    return lambda method: lambda self, *_: method(self, value)


def without():
    return lambda method: lambda self, *arguments: None


def without_tensor(name):
    return lambda method: lambda self, tensor, *rest, **more: tensor == name or method(
        self, tensor, *rest, **more
    )


def renamed_tensor(old, new):
    return lambda method: lambda self, tensor, *rest, **more: method(
        self, new if tensor == old else tensor, *rest, **more
    )


REFUSED = [
    ("head_count is missing", {"add_head_count": without()}),
    ("block_count is missing", {"add_block_count": without()}),
    ("layers is 0", {"add_block_count": with_value(0)}),
    ("1000000 layers, but only", {"add_block_count": with_value(1000000)}),
    ("no tensor 'blk.3.attn_k.weight'", {"add_block_count": with_value(4)}),
    ("cannot share 3 KV heads", {"add_head_count_kv": with_value(3)}),
    (
        "llama.rope.dimension_count is 8, but a head is 16",
        {"add_rope_dimension_count": with_value(8)},
    ),
    ("no tensor 'blk.1.ffn_up.weight'", {"add_tensor": without_tensor("blk.1.ffn_up.weight")}),
    (
        "no tensor 'output_norm.weight'",
        {"add_tensor": renamed_tensor("output_norm.weight", "other_norm.weight")},
    ),
    ("tokenizer.ggml.pre is 'tekken'", {"add_tokenizer_pre": with_value("tekken")}),
    ("tokenizer.ggml.model is 'bert'", {"add_tokenizer_model": with_value("bert")}),
    ("bad.gguf: token 100000 is outside", {"add_bos_token_id": with_value(100000)}),
]


@pytest.mark.parametrize("match, changes", REFUSED, ids=[match for match, _ in REFUSED])
def test_what_cannot_be_imported_is_named(tmp_path, match, changes):
    refused(tmp_path, match, **changes)


def test_an_unknown_family_is_named(tmp_path):
    path = small_gguf.write(tmp_path / "bad.gguf", architecture="mamba")
    with pytest.raises(
        ModelFileError, match="family 'mamba'; known are gemma3, llama, qwen2, qwen3"
    ):
        import_gguf(tmp_path, path, "bad")


def test_an_unsupported_type_is_named(tmp_path):
    ternary = gguf.GGMLQuantizationType.TQ2_0
    shape = Shape(width=256, head=64, hidden=256, matrix=ternary, down=ternary)
    path = small_gguf.write(tmp_path / "bad.gguf", shape)
    with pytest.raises(ModelFileError, match=r"'blk\.0\.attn_q\.weight' is tq2_0"):
        import_gguf(tmp_path, path, "bad")


def test_an_unusable_name_is_named(tmp_path):
    path = small_gguf.write(tmp_path / "tiny.gguf")
    with pytest.raises(ModelFileError, match="cannot name a spec"):
        import_gguf(tmp_path, path, "3 tiny")
