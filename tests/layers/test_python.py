"""Python imports run downward only."""

from __future__ import annotations

import graphlib
import sys

import pytest

from tests.layers.imports import Import, imports_of, modules, wrong, wrong_in_spec
from tests.layers.order import COMPILER, SPECS
from tests.native import ROOT

COMPILER_MODULES = modules(ROOT, "cllm_gen")
SPEC_MODULES = modules(ROOT, "specs")


def found(files) -> list[Import]:
    return [
        each for name, path in files.items() for each in imports_of(name, path.read_text("utf-8"))
    ]


def test_the_compiler_imports_downward():
    inside = [each for each in found(COMPILER_MODULES) if each.target.startswith("cllm_gen.")]
    assert len(inside) > 300
    assert [problem for each in inside if (problem := wrong(each, COMPILER, "cllm_gen"))] == []


def test_specs_import_the_vocabulary_and_specs_below_them():
    inside = found(SPEC_MODULES)
    assert len(inside) > 200
    problems = [wrong_in_spec(each, SPECS, sys.stdlib_module_names) for each in inside]
    assert [problem for problem in problems if problem] == []


def test_the_compiler_knows_no_spec_by_name():
    """It finds them by their folders, `import_module(f"specs.appliances.{name}")`."""
    folders = {f"specs.{name}" for row in SPECS for name in row}
    known = [each for each in found(COMPILER_MODULES) if each.target.startswith(("specs", "tests"))]
    assert [str(each) for each in known if each.target not in folders] == []


def test_no_module_imports_itself_through_others():
    every = {**COMPILER_MODULES, **SPEC_MODULES}
    graph: dict[str, set[str]] = {name: set() for name in every}
    for each in found(every):
        target = each.target if each.target in every else each.target.rpartition(".")[0]
        if target in every and target != each.module:
            graph[each.module].add(target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize(
    "text",
    [
        "from cllm_gen.lower import kernel",
        "import cllm_gen.lower.kernel",
        "def f():\n    from cllm_gen.lower.kernel import trace",
        "if TYPE_CHECKING:\n    from cllm_gen.lower.kernel import Traced",
        "importlib.import_module(f'cllm_gen.lower.{name}')",
    ],
)
def test_an_import_upward_is_found(text):
    (each,) = imports_of("cllm_gen.spec.kernel", text)
    assert wrong(each, COMPILER, "cllm_gen").endswith("above it")


def test_an_import_across_is_found():
    (each,) = imports_of("cllm_gen.weights.pack", "from cllm_gen.emit import tree")
    assert wrong(each, COMPILER, "cllm_gen").endswith("beside it")
    (each,) = imports_of("specs.models.small", "from specs.isa.sse2 import sse2")
    assert wrong_in_spec(each, SPECS, sys.stdlib_module_names).endswith("beside it")


@pytest.mark.parametrize("target", ["numpy", "cllm_gen.lower.kernel", "tests.native"])
def test_what_specs_must_not_know_is_found(target):
    (each,) = imports_of("specs.kernels.rows", f"import {target}")
    assert "no business of specs" in wrong_in_spec(each, SPECS, sys.stdlib_module_names)


def test_a_package_without_a_place_is_found():
    (each,) = imports_of("cllm_gen.cli", "from cllm_gen.novelty import thing")
    assert "give cllm_gen.novelty.thing a place" in wrong(each, COMPILER, "cllm_gen")


@pytest.mark.parametrize("package, rows", [("specs", SPECS), ("cllm_gen", COMPILER)])
def test_the_readme_says_the_same(package, rows):
    """Each layer with its sentence, in the table's order."""
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    at = text.index(f"{package}/ ", text.index("## Architecture"))
    for name, sentence in (item for row in rows for item in row.items()):
        folder = (ROOT / package / name).is_dir()
        line = f"{name}{'/' if folder else '.py'} {sentence}"
        assert line in text[at:], line
        at = text.index(line, at)
