"""What a GGUF's metadata becomes in a model spec, and what a Tokenizer spec refuses."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cllm_gen.source import SpecError
from cllm_gen.spec.tokenizer import Tokenizer
from cllm_gen.weights import tokenizer_import
from cllm_gen.weights.errors import ModelFileError
from specs.models import pretokenizers

METADATA = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": ["a", "<s>", "</s>", "<|endoftext|>", '"'],
    "tokenizer.ggml.token_type": [1, 3, 3, 3, 1],
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.bos_token_id": 1,
}


def imported(**changes):
    """The Tokenizer that the imported source makes."""
    metadata = {**METADATA, **{f"tokenizer.ggml.{key}": value for key, value in changes.items()}}
    file = SimpleNamespace(metadata=metadata, path=Path("small.gguf"))
    source = "found = dict(\n" + tokenizer_import.tokenizer_spec_source(file) + ")"
    names = {}
    exec(tokenizer_import.IMPORTS + source, names)
    return names["found"]["tokenizer"]


def test_served_model(reader, model):
    names = {}
    exec(
        tokenizer_import.IMPORTS
        + "found = dict("
        + tokenizer_import.tokenizer_spec_source(reader)
        + ")",
        names,
    )
    assert names["found"]["tokenizer"] == model.tokenizer
    template = reader.metadata["tokenizer.chat_template"]
    assert eval(tokenizer_import.chat_template_source(template)) == template == model.chat_template


def test_small_files():
    found = imported()
    assert found == Tokenizer(
        kind="gpt2",
        pretokenizer=pretokenizers.smollm,
        beginning=1,
        beginning_text="<s>",
        end=2,
        end_text="</s>",
        ends=(3,),
    )
    assert imported(add_bos_token=True).add_beginning
    assert imported(eos_token_id=4).end_text == '"'


@pytest.mark.parametrize(
    "changes,found",
    [
        ({"model": "bert"}, "'bert'; known are byte-level"),
        ({"model": "llama"}, "tokenizer.ggml.scores is missing"),
        ({"pre": "unheard-of"}, "unheard-of"),
        ({"add_space_prefix": True}, "space"),
        ({"eos_token_id": 5}, "outside"),
        ({"bos_token_id": -1}, "outside"),
        ({"tokens": [1, 2]}, "tokens"),
        ({"token_type": None}, "token_type"),
        ({"eos_token_id": "x"}, "eos_token_id"),
    ],
)
def test_files_that_cannot_be_served(changes, found):
    with pytest.raises(ModelFileError, match=found):
        imported(**changes)


@given(st.text(alphabet="{%}'\"\\ab \n#é") | st.text())
def test_any_template_survives(template):
    assert eval(tokenizer_import.chat_template_source(template)) == template


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "bert"},
        {"kind": "llama"},
        {"kind": "llama", "pretokenizer": None, "whole_pieces": True},
        {"add_space_prefix": True},
        {"pretokenizer": "smollm"},
        {"end": -1},
        {"end": True},
        {"beginning": "x"},
        {"add_beginning": True},
    ],
    ids=str,
)
def test_specs_that_mean_nothing(changes):
    good = {"kind": "gpt2", "pretokenizer": pretokenizers.smollm, "end": 2, "end_text": "</s>"}
    Tokenizer(**good)
    with pytest.raises(SpecError) as raised:
        Tokenizer(**{**good, **changes})
    assert raised.value.span.path.endswith("test_import.py")
