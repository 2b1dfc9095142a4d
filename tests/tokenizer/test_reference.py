"""Encode and decode agree with the `tokenizers` package over the same vocabulary and merges."""

import dataclasses
from types import SimpleNamespace

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, pre_tokenizers

from cllm_gen.weights.tokenizer_tables import section_of
from tests.tokenizer import corpus, native

PARTS = ["scripts", "blanks", "prose", "code", "damaged", "marked", "long_runs"]


def agree(ours, reference, text: bytes) -> None:
    replaced = text.decode("utf-8", "replace")
    reference.encode_special_tokens = False
    tokens = reference.encode(replaced).ids
    assert ours.encode(text) == tokens, f"{text[:200]!r}"
    reference.encode_special_tokens = True
    assert ours.encode(text, special=False) == reference.encode(replaced).ids, f"{text[:200]!r}"
    decoded = ours.decode(tokens).decode("utf-8", "replace")
    assert decoded == reference.decode(tokens, skip_special_tokens=False), f"{text[:200]!r}"


@pytest.mark.parametrize("part", PARTS)
def test_corpus(ours, reference, part):
    for text in getattr(corpus, part)():
        agree(ours, reference, text)


def test_corpus_is_large():
    texts = [text for part in PARTS for text in getattr(corpus, part)()]
    assert len(set(texts)) >= 10_000
    covered = {c for text in corpus.scripts() for c in text.decode()}
    assert covered >= set(corpus.assigned())


def test_any_text(ours, reference):
    @settings(max_examples=400, deadline=None)
    @given(
        st.lists(st.one_of(st.text(), st.sampled_from(corpus.SPECIALS + corpus.WORDS), st.binary()))
    )
    def check(parts):
        joined = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        if not corpus.TOO_NEW & {ord(c) for c in joined.decode("utf-8", "replace")}:
            agree(ours, reference, joined)

    check()


def test_every_token(ours, reference, model):
    for token in range(model.vocabulary):
        text = reference.decode([token], skip_special_tokens=False)
        assert ours.decode([token]).decode("utf-8", "replace") == text


@pytest.fixture(scope="module")
def whole_pieces(reader, model, program, tmp_path_factory):
    """The same vocabulary where a piece that is a token needs no merges, ours and the reference; the
    last merges are left out, so that it matters."""
    metadata = dict(reader.metadata)
    metadata["tokenizer.ggml.merges"] = metadata["tokenizer.ggml.merges"][:20_000]
    file = SimpleNamespace(metadata=metadata, path=reader.path)
    spec = dataclasses.replace(model.tokenizer, whole_pieces=True)
    section = tmp_path_factory.mktemp("whole") / "section"
    section.write_bytes(section_of(file, SimpleNamespace(tokenizer=spec)))
    running = native.Native(program, section)
    tokens = metadata["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    made = tokenizers.Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    yield running, made
    assert running.close() == 0


def test_whole_pieces(whole_pieces, ours):
    running, made = whole_pieces
    for text in corpus.prose() + corpus.code()[:300]:
        found = running.encode(text, special=False)
        assert found == made.encode(text.decode()).ids, f"{text[:200]!r}"
    assert running.encode(b" international") == ours.encode(b" international")
    assert len(ours.encode(b" international")) == 1
