"""Small and real models, generated, compiled and packed once a session."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.importer import import_gguf
from cllm_gen.weights.locate import locate
from tests.model import native, small_gguf

ROOT = native.ROOT


@pytest.fixture(scope="session")
def appliance():
    return load_appliances(ROOT, "smollm2")[0]


@pytest.fixture(scope="session")
def sets(appliance):
    """Every instruction set that a target of the appliance carries and this CPU can run."""
    found = {isa.name: isa for isa in appliance.sets}
    return list(found.values())


def imported(folder: Path, gguf: Path, name: str):
    """The model of the spec that `cllm-gen import` writes for a file."""
    return runpy.run_path(str(folder / import_gguf(folder, gguf, name)))["model"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, sets):
    """A random model of three layers: (spec, GGUF, library, packed image)."""
    folder = tmp_path_factory.mktemp("tiny")
    path = small_gguf.write(folder / "tiny.gguf")
    model = imported(folder, path, "tiny")
    return (
        model,
        path,
        native.build(folder, model, sets),
        native.page_aligned(native.pack(model, path)),
    )


@pytest.fixture(scope="session")
def long(tmp_path_factory, sets):
    """A random model of one layer whose context is 8,192 tokens."""
    folder = tmp_path_factory.mktemp("long")
    shape = small_gguf.Shape(layers=1, heads=2, kv_heads=1, context=8192)
    path = small_gguf.write(folder / "long.gguf", shape)
    model = imported(folder, path, "long")
    return (
        model,
        path,
        native.build(folder, model, sets),
        native.page_aligned(native.pack(model, path)),
    )


@pytest.fixture(scope="session")
def real(tmp_path_factory, appliance, sets):
    """The appliance's model."""
    folder = tmp_path_factory.mktemp("real")
    model, path = appliance.model, locate(ROOT, appliance.model.weights)
    return (
        model,
        path,
        native.build(folder, model, sets),
        native.page_aligned(native.pack(model, path)),
    )
