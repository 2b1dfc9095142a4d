"""`cllm-gen bench --steps`: the image that times steps runs those it is told, and no others."""

from __future__ import annotations

import pytest

from cllm_gen.bench import steps
from cllm_gen.image.build import build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.load import load_appliances
from tests.native import ROOT

KINDS = [(1, 1), (16, 16), (16, 1), (96, 2)]


@pytest.fixture(scope="module")
def program():
    spec = load_appliances(ROOT, "smollm2")[0]
    image = build(ROOT, "hosted", spec.name)
    return steps.binary_of(ROOT, spec, image), image


def test_many_rows_cost_more_than_one(program):
    found = steps.measure(*program, KINDS, "cpus=1", budget=1000)
    assert [(each.rows, each.sequences) for each in found] == KINDS
    assert all(each.layers > each.head > 0 for each in found)
    assert found[3].seconds > found[0].seconds


def test_what_does_not_fit_is_refused(program):
    with pytest.raises(RunFailed, match="100000 rows of 1 sequences do not fit"):
        steps.measure(*program, [(100_000, 1)], "cpus=1", budget=1)
