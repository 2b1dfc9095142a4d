"""Compiling again exactly what changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cllm_gen.image import compile
from cllm_gen.image.compile import compile_units, is_stale
from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.sources import Unit
from cllm_gen.image.tool import run_tool

FLAGS = ("-O1", "-Iinclude")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two sources, of which one includes a header that includes another; a space in the path."""
    root = tmp_path / "a project"
    (root / "include").mkdir(parents=True)
    (root / "include/inner.h").write_text("#define VALUE 1\n")
    (root / "include/outer.h").write_text('#include "inner.h"\n')
    (root / "one.c").write_text('#include "outer.h"\nint one(void) { return VALUE; }\n')
    (root / "two.c").write_text("int two(void) { return 2; }\n")
    return root


def compiled(root: Path, units: list[Unit]) -> list[str]:
    """Brings objects up to date; which sources were compiled."""
    seen: list[str] = []
    objects = compile_units(
        root, root / "build", units, lambda done, total, name: seen.append(name)
    )
    assert all(file.exists() for file in objects)
    assert not any(is_stale(root, root / "build", unit) for unit in units)
    return sorted(seen)


def later(file: Path) -> None:
    """Moves a file's time past its object's."""
    ahead = file.stat().st_mtime_ns + 10_000_000_000
    os.utime(file, ns=(ahead, ahead))


def units(*names: str, flags: tuple[str, ...] = FLAGS) -> list[Unit]:
    return [Unit(name, "gcc", flags) for name in names]


def test_everything_once_then_nothing(project: Path):
    both = units("one.c", "two.c")
    assert compiled(project, both) == ["one.c", "two.c"]
    assert compiled(project, both) == []


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("one.c", ["one.c"]),
        ("two.c", ["two.c"]),
        ("include/outer.h", ["one.c"]),
        ("include/inner.h", ["one.c"]),
    ],
)
def test_what_depends_on_a_changed_file(project: Path, changed: str, again: list[str]):
    both = units("one.c", "two.c")
    compiled(project, both)
    later(project / changed)
    stale = [unit.source for unit in both if is_stale(project, project / "build", unit)]
    assert stale == again


def test_changed_flags(project: Path):
    compiled(project, units("one.c", "two.c"))
    assert compiled(project, units("one.c", "two.c", flags=(*FLAGS, "-DX"))) == ["one.c", "two.c"]


def test_deleted_header_and_source(project: Path):
    compiled(project, units("one.c", "two.c"))
    (project / "include/outer.h").unlink()
    (project / "one.c").write_text("int one(void) { return 3; }\n")
    assert compiled(project, units("one.c")) == ["one.c"]
    left = sorted(file.name for file in (project / "build").rglob("*.o"))
    assert left == ["one.c.o"], "the object of a source that is gone is gone too"


def test_a_folder_beside_lends_objects_of_the_same_flags(project: Path, monkeypatch):
    """That of one.c, whose flags are the same in both; not when they are older than its sources."""
    seen: list[str] = []

    def noted(root: Path, command: list[str]) -> str:
        seen.append(command[command.index("-c") + 1])
        return run_tool(root, command)

    def into(name: str, *more: str) -> list[str]:
        seen.clear()
        both = [*units("one.c"), *units("two.c", flags=(*FLAGS, *more))]
        folder = project / "build" / name
        objects = compile_units(project, folder, both, lambda *_: None)
        assert all(file.is_relative_to(folder) and file.stat().st_size for file in objects)
        assert not any(is_stale(project, folder, unit) for unit in both)
        return sorted(seen)

    monkeypatch.setattr(compile, "run_tool", noted)
    assert into("release") == ["one.c", "two.c"]
    assert into("debug", "-DX") == ["two.c"]
    for file in (project / "build").rglob("*.o"):
        os.utime(file, ns=(0, 0))
    assert into("third", "-DX") == ["one.c", "two.c"]


def test_failure_shows_the_compilers_words_and_is_tried_again(project: Path):
    (project / "two.c").write_text("int two(void) { return nonsense; }\n")
    with pytest.raises(BuildFailed, match=r"two\.c:1:.*'nonsense' undeclared|two\.c:1:.*nonsense"):
        compiled(project, units("one.c", "two.c"))
    (project / "two.c").write_text("int two(void) { return 2; }\n")
    assert "two.c" in compiled(project, units("one.c", "two.c"))


def test_failed_compilation_leaves_no_fresh_object(project: Path):
    """A source that compiled, broke, and got its old time back is still stale."""
    compiled(project, units("one.c"))
    text, before = (project / "one.c").read_text(), (project / "one.c").stat().st_mtime_ns
    (project / "one.c").write_text("broken")
    later(project / "one.c")
    with pytest.raises(BuildFailed):
        compiled(project, units("one.c"))
    (project / "one.c").write_text(text)
    os.utime(project / "one.c", ns=(before, before))
    assert compiled(project, units("one.c")) == ["one.c"]
