"""Includes of the kernel's C run downward only."""

from __future__ import annotations

import graphlib

import pytest

from tests.layers.includes import Include, candidates, includes_of, layer, sources, wrong
from tests.layers.order import KERNEL
from tests.native import ROOT

FILES = frozenset(sources(ROOT))
INCLUDES = [
    each for file in sorted(FILES) for each in includes_of(file, (ROOT / file).read_text("utf-8"))
]


def test_includes_run_downward():
    assert len(INCLUDES) > 1000
    assert [problem for each in INCLUDES if (problem := wrong(each, FILES))] == []


def test_every_file_has_a_place():
    assert [file for file in FILES if layer(file) is None] == []


def test_headers_do_not_include_themselves_through_others():
    graph: dict[str, set[str]] = {file: set() for file in FILES}
    for each in INCLUDES:
        if not each.system:
            graph[each.file].update(candidates(each, FILES))
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_every_header_of_the_table_exists():
    named = [name for row in KERNEL for part in row.values() for name in part.headers.split()]
    there = {path.name for path in (ROOT / "kernel_static/include").glob("*.h")}
    assert sorted(named) == sorted(there), "each header of include/ has one owner"


@pytest.mark.parametrize(
    "file, header, said",
    [
        ("kernel_static/lib/arena.c", "engine.h", "above it"),
        ("kernel_static/net/tcp.c", "http.h", "beside it"),
        ("kernel_static/engine/engine.c", "http.h", "beside it"),
        ("kernel_static/api/chat.c", "e9000.h", "no folder has"),
        ("kernel_static/novelty/thing.c", "text.h", "a place in"),
    ],
)
def test_an_include_that_is_wrong_is_found(file, header, said):
    assert said in wrong(Include(file, header, False), FILES)


def test_headers_of_an_operating_system_are_for_the_hosted_platform():
    assert "libc/ does not have" in wrong(
        Include("kernel_static/lib/arena.c", "time.h", True), FILES
    )
    assert wrong(Include("kernel_static/platform/linux/clock.c", "time.h", True), FILES) == ""


def test_the_readme_says_the_same():
    """Each layer with its sentence, in the table's order."""
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    at = text.index("kernel_static/ ", text.index("## Architecture"))
    for name, part in (item for row in KERNEL for item in row.items()):
        folder = (ROOT / "kernel_static" / name).is_dir()
        line = f"{name}{'/' if folder else ''} {part.says}"
        assert line in text[at:], line
        at = text.index(line, at)
