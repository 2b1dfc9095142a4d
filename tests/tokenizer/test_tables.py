"""The packed section: what it says of tokens, and that damage and contradictions are refused."""

import dataclasses
import random
import struct
import subprocess
import time
import unicodedata
from types import SimpleNamespace

import pytest

from cllm_gen import unicode
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.tokenizer_tables import merge_tables, slot_of, tokenizer_section
from cllm_gen.weights.tokenizer_vocabulary import byte_alphabet


def test_same_bytes(gguf_path, model, section_path):
    assert tokenizer_section(gguf_path, model) == section_path.read_bytes()


def test_kinds_of_tokens(ours, model, reader):
    kinds = reader.metadata["tokenizer.ggml.token_type"]
    for token in [*range(40), -1, len(kinds), 1 << 30]:
        special, end, beginning = ours.describe(token)
        assert special == (0 <= token < len(kinds) and kinds[token] == 3)
        assert end == (token in (model.tokenizer.end, *model.tokenizer.ends))
        assert beginning == -1  # the model wants none before a text
    assert ours.decode([-1, len(kinds), 1 << 30]) == b""


def test_capacity(ours):
    text = b"The quick brown fox jumps over the lazy dog.<|im_end|>" * 3
    tokens = ours.encode(text)
    assert ours.encode(text, capacity=len(tokens)) == tokens
    for capacity in range(len(tokens)):
        assert ours.encode(text, capacity=capacity) is None
    assert ours.encode(b"", capacity=0) == []


@pytest.mark.parametrize("damage", ["magic", "version", "array", "cut", "empty"])
def test_damaged_section_is_refused(program, section_path, tmp_path, damage):
    data = bytearray(section_path.read_bytes())
    if damage == "magic":
        data[0] ^= 1
    elif damage == "version":
        data[8] ^= 2
    elif damage == "array":
        struct.pack_into("<I", data, 32 + 5 * 8 + 4, 1 << 30)
    data = {"cut": data[: len(data) // 2], "empty": b""}.get(damage, data)
    path = tmp_path / "section"
    path.write_bytes(data)
    done = subprocess.run([program, path], input=b"", capture_output=True)
    assert done.returncode == 3 and b"rebuild" in done.stderr


@pytest.mark.parametrize(
    "change", [{"end": 5}, {"beginning_text": "<s>"}, {"end": 10**6}, {"ends": (10**6,)}], ids=str
)
def test_contradictions_with_the_spec(gguf_path, model, change):
    tokenizer = dataclasses.replace(model.tokenizer, **change)
    with pytest.raises(ModelFileError, match="spec"):
        tokenizer_section(gguf_path, SimpleNamespace(tokenizer=tokenizer))


def test_merges():
    ids = {"a": 0, "b": 1, "ab": 2, "abab": 3}
    rows, slots = merge_tables(["a b", "ab ab"], ids)
    assert rows.tolist() == [[0, 1, 2], [2, 2, 3]]
    assert slots[slot_of(0, 1, len(slots))] in (0, 1)
    for merges in (["a c"], ["a b", "a b"], ["b a"], ["ab"]):
        with pytest.raises(ModelFileError, match="merge"):
            merge_tables(merges, ids)


def test_byte_alphabet():
    alphabet = byte_alphabet()
    assert sorted(alphabet.values()) == list(range(256))
    assert alphabet["Ġ"] == ord(" ") and alphabet["Ċ"] == ord("\n") and alphabet["A"] == ord("A")


def test_categories_against_python():
    """Python's own table is older or newer; where both know a character they agree, but for the
    few that Unicode has reclassified."""
    table = unicode.categories()
    names = [unicode.CATEGORIES[number] for number in table]
    assert len(table) == unicode.CODE_POINTS
    differing = [
        c
        for c in range(unicode.CODE_POINTS)
        if names[c] != "control-space"
        and "Cn" not in (names[c], unicodedata.category(chr(c)))
        and names[c] != unicodedata.category(chr(c))
    ]
    assert len(differing) < 20
    spaces = {c for c in range(unicode.CODE_POINTS) if names[c] in unicode.WHITE_SPACE}
    assert spaces | {0x1C, 0x1D, 0x1E, 0x1F} == {
        c for c in range(unicode.CODE_POINTS) if chr(c).isspace()
    }


def test_time_grows_with_length(ours):
    """Eight times the text takes about eight times as long, whatever is in it; a quadratic step
    would take 64 times as long."""
    letters = bytes(random.Random(1).choices(b"etaoin", k=997))
    for text in (b"a", b" ", b"ab", b"=-", "é".encode(), letters, b"<", b"\xff"):
        seconds = []
        for size in (125_000, 1_000_000):
            whole = (text * (size // len(text) + 1))[:size]
            start = time.perf_counter()
            assert ours.encode(whole) is not None
            seconds.append(time.perf_counter() - start)
        assert seconds[1] < 32 * seconds[0], (text[:10], seconds)
