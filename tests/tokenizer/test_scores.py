"""Vocabularies that merge by score: encoding agrees with the sentencepiece package."""

import random
import re
import time

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.lower import tokenizer
from cllm_gen.lower.chat import outputs as chat_template
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.locate import locate
from cllm_gen.weights.tokenizer_tables import tokenizer_section
from tests.chat_template.conftest import Model
from tests.tokenizer import corpus, native, sentencepieces

PARTS = ["scripts", "blanks", "prose", "code", "damaged", "marked", "long_runs"]
SIGNS = ["▁", "▁▁", " ▁", "<table>", "<turn>", "<turn_end>", "<0x41>", "<unk>", "<s>", "\n\n", "  "]


class Vocabulary:
    """One vocabulary as built, and the reference."""

    def __init__(self, folder, gguf_path, model_proto):
        self.file = GgufFile(gguf_path)
        self.spec = sentencepieces.spec(self.file)
        section = folder / "section"
        section.write_bytes(tokenizer_section(gguf_path, self.spec))
        outputs = tokenizer.outputs(self.spec) + chat_template.outputs(Model(""))
        program = native.build(folder, outputs, native.objects(folder / "static"))
        self.ours = native.Native(program, section)
        self.reference = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        metadata = self.file.metadata
        self.tokens = metadata["tokenizer.ggml.tokens"]
        types = metadata["tokenizer.ggml.token_type"]
        self.controls = {
            text: i
            for i, (text, kind) in enumerate(zip(self.tokens, types))
            if kind == sentencepieces.CONTROL
        }
        longest_first = sorted(self.controls, key=len, reverse=True)
        self.marks = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    def expected(self, text: str, special: bool) -> list[int]:
        """The reference knows no markup in text: it is cut out first."""
        parts = self.marks.split(text) if special else [text]
        found: list[int] = []
        for i, part in enumerate(parts):
            found += [self.controls[part]] if i % 2 else self.reference.encode(part)
        return found

    def agree(self, text: bytes) -> None:
        read = text.decode("utf-8", "replace")
        for special in (False, True):
            assert self.ours.encode(text, special) == self.expected(read, special), repr(text[:200])

    def close(self):
        assert self.ours.blocks() == 0
        assert self.ours.close() == 0


@pytest.fixture(scope="module", params=["plain", "with_space_prefix"])
def vocabulary(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    prefix = request.param == "with_space_prefix"
    literals = [] if prefix else sentencepieces.LITERALS
    proto = sentencepieces.trained(prefix, literals)
    path = sentencepieces.write_gguf(folder / "vocabulary.gguf", proto, prefix, literals)
    made = Vocabulary(folder, path, proto)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """The vocabulary of 262,144 tokens, where its package is installed."""
    try:
        from specs.models.gemma3_270m import model

        path = locate(native.ROOT, model.weights)
    except ModelFileError as error:
        pytest.skip(str(error))
    proto = sentencepieces.read_gguf(GgufFile(path))
    made = Vocabulary(tmp_path_factory.mktemp("gemma"), path, proto)
    yield made
    made.close()


@pytest.mark.parametrize("part", PARTS)
def test_corpus(vocabulary, part):
    for text in getattr(corpus, part)():
        vocabulary.agree(text)


@pytest.mark.parametrize("part", PARTS)
def test_corpus_of_the_second_model(gemma, part):
    texts = getattr(corpus, part)()
    for text in texts if len(texts) < 100 else texts[::4]:
        gemma.agree(text)


def test_any_text(vocabulary):
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.one_of(st.text(), st.sampled_from(SIGNS + corpus.WORDS), st.binary())))
    def check(parts):
        vocabulary.agree(
            b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        )

    check()


def test_every_token(vocabulary):
    """Each token's bytes: a byte, or its text with spaces for their signs."""
    types = vocabulary.file.metadata["tokenizer.ggml.token_type"]
    for token, (text, kind) in enumerate(zip(vocabulary.tokens, types)):
        expected = (
            bytes.fromhex(text[3:5])
            if kind == sentencepieces.BYTE
            else text.replace("▁", " ").encode()
        )
        assert vocabulary.ours.decode([token]) == expected
        special, _, _ = vocabulary.ours.describe(token)
        assert special == (kind == sentencepieces.CONTROL)


def test_capacity(vocabulary):
    text = "The quick naïve 東京 fox\n\n  jumps <turn_end>🙂".encode()
    tokens = vocabulary.ours.encode(text)
    assert vocabulary.ours.encode(text, capacity=len(tokens)) == tokens
    for capacity in range(len(tokens)):
        assert vocabulary.ours.encode(text, capacity=capacity) is None
    assert vocabulary.ours.encode(b"", capacity=0) == []


def test_without_memory(vocabulary):
    vocabulary.ours.heap_room(100)
    assert vocabulary.ours.encode("▁x".encode() * 1000) is None
    vocabulary.ours.heap_room(0x7FFFFFFF)
    vocabulary.agree("▁x".encode() * 1000)


def test_time_grows_with_length(vocabulary):
    """Eight times the text takes about eight times as long; a quadratic step, 64 times."""
    letters = bytes(random.Random(1).choices(b"etaoin", k=997))
    for text in (b"a", b" ", b"ab", b"=-", "é".encode(), letters, b"<", "▁".encode(), b"> <"):
        seconds = []
        for size in (125_000, 1_000_000):
            whole = (text * (size // len(text) + 1))[:size]
            start = time.perf_counter()
            assert vocabulary.ours.encode(whole) is not None
            seconds.append(time.perf_counter() - start)
        assert seconds[1] < 32 * seconds[0], (text[:10], seconds)
