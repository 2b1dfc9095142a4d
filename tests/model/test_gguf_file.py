"""Damaged weight files are refused with one clear message, never a crash."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from tests.model import small_gguf


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_gguf.write(tmp_path_factory.mktemp("gguf") / "tiny.gguf").read_bytes()


def opened(folder, data: bytes) -> GgufFile:
    path = folder / "damaged.gguf"
    path.write_bytes(data)
    return GgufFile(path)


def test_reads_what_the_gguf_package_wrote(tmp_path, small):
    import gguf

    file = opened(tmp_path, small)
    other = gguf.GGUFReader(tmp_path / "damaged.gguf")
    assert set(file.tensors) == {tensor.name for tensor in other.tensors}
    for tensor in other.tensors:
        mine = file.tensors[tensor.name]
        assert mine.shape == tuple(int(n) for n in tensor.shape[::-1])
        assert np.array_equal(mine.raw().ravel(), np.asarray(tensor.data).view(np.uint8).ravel())
    for key, field in other.fields.items():
        if not key.startswith("GGUF."):
            assert file.metadata[key] == field.contents()


def test_every_truncation_is_refused(tmp_path, small):
    ends = [
        0,
        1,
        3,
        4,
        7,
        8,
        15,
        23,
        24,
        30,
        *range(32, len(small), max(1, len(small) // 400)),
        len(small) - 33,
    ]
    for end in ends:
        with pytest.raises(ModelFileError) as caught:
            opened(tmp_path, small[:end])
        assert "damaged.gguf" in str(caught.value)


DAMAGE = [  # (offset, bytes written there, what the message must say)
    (0, b"GGML", "b'GGML'"),
    (4, struct.pack("<I", 1), "version 1"),
    (4, struct.pack(">I", 3), "version 50331648"),
    (8, struct.pack("<Q", 2**40), "tensors cannot fit"),
    (8, struct.pack("<Q", 2**64 - 1), "tensors cannot fit"),
    (16, struct.pack("<Q", 2**40), "metadata fields cannot fit"),
    (24, struct.pack("<Q", 2**63), "cannot fit"),
    (32, b"\xff\xfe", "not UTF-8"),
]


@pytest.mark.parametrize("offset, patch, expected", DAMAGE)
def test_damage_is_named(tmp_path, small, offset, patch, expected):
    data = bytearray(small)
    data[offset : offset + len(patch)] = patch
    with pytest.raises(ModelFileError, match=expected):
        opened(tmp_path, bytes(data))


@settings(max_examples=400, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4
    )
)
def test_random_damage_gives_a_file_or_an_error(small, tmp_path_factory, changes):
    data = bytearray(small)
    for offset, patch in changes:
        data[offset : offset + len(patch)] = patch
    try:
        file = opened(tmp_path_factory.getbasetemp(), bytes(data))
    except ModelFileError:
        return
    for tensor in file.tensors.values():
        assert tensor.raw().nbytes == tensor.size


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        GgufFile(tmp_path / "none.gguf")
