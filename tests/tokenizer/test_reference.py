"""Encode and decode agree with the `tokenizers` package over the same vocabulary and merges."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokenizer import corpus

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
