"""Compiling again exactly what changed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cllm_gen.image.compile import compile_units, write_commands
from cllm_gen.image.errors import BuildFailed
from cllm_gen.image.sources import Unit

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
    assert compiled(project, both) == again


def test_changed_flags(project: Path):
    compiled(project, units("one.c", "two.c"))
    assert compiled(project, units("one.c", "two.c", flags=(*FLAGS, "-DX"))) == ["one.c", "two.c"]


def test_deleted_header_and_source(project: Path):
    compiled(project, units("one.c", "two.c"))
    (project / "include/outer.h").unlink()
    (project / "one.c").write_text("int one(void) { return 3; }\n")
    (project / "two.c").unlink()
    assert compiled(project, units("one.c")) == ["one.c"]
    left = sorted(file.name for file in (project / "build").rglob("*.o"))
    assert left == ["one.c.o"], "the object of a source that is gone is gone too"


def notes(seen: list[str]) -> Callable[[int, int, str], None]:
    """Progress that notes what is compiled."""
    return lambda done, total, source: seen.append(source)


def test_images_share_objects_of_the_same_flags(project: Path):
    """That of one.c, whose flags are the same in both; not when it is older than its sources."""

    def into(name: str, *more: str) -> list[str]:
        seen: list[str] = []
        both = [*units("one.c"), *units("two.c", flags=(*FLAGS, *more))]
        objects = compile_units(project, project / "build" / name, both, notes(seen))
        assert all(file.stat().st_size for file in objects)
        return sorted(seen)

    assert into("release") == ["one.c", "two.c"]
    assert into("debug", "-DX") == ["two.c"]
    for file in (project / "build").rglob("*.o"):
        os.utime(file, ns=(0, 0))
    assert into("third", "-DX") == ["one.c", "two.c"]


def test_commands_for_editors(project: Path):
    both = units("one.c", "two.c", flags=(*FLAGS, '-DNAME="a b"'))
    objects = compile_units(project, project / "build", both, lambda *_: None)
    write_commands(project, both)
    entries = json.loads((project / "build/compile_commands.json").read_text())
    assert [entry["file"] for entry in entries] == ["one.c", "two.c"]
    for entry, made in zip(entries, objects):
        made.unlink()
        subprocess.run(entry["arguments"], cwd=entry["directory"], check=True)
        assert made == project / entry["output"] and made.exists()


def test_builds_wait_for_each_other(project: Path):
    """Two at once in one checkout compile each file once."""
    seen: list[str] = []
    note = notes(seen)

    def build(name: str) -> None:
        compile_units(project, project / "build" / name, units("one.c", "two.c"), note)

    with ThreadPoolExecutor() as pool:
        list(pool.map(build, ("first", "second")))
    assert sorted(seen) == ["one.c", "two.c"]


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
