"""Who may ask, as an appliance says it."""

from __future__ import annotations

import dataclasses

import pytest

from cllm_gen.lower.appliance import appliance_outputs
from cllm_gen.source import SpecError
from cllm_gen.spec.load import load_appliances
from tests.native import ROOT


@pytest.fixture(scope="module")
def appliance():
    return load_appliances(ROOT)[0]


def test_keys_and_origins_reach_the_image(appliance):
    made = dataclasses.replace(
        appliance, keys=["one", "Two+2"], origins=["http://localhost:3000", "null"]
    )
    (output,) = appliance_outputs(made)
    assert output.context["keys"] == "one,Two+2"
    assert output.context["origins"] == "http://localhost:3000,null"
    (output,) = appliance_outputs(appliance)
    assert output.context["keys"] == output.context["origins"] == ""


@pytest.mark.parametrize("keys", ["one", [""], ["a,b"], ["a b"], ['a"'], ["a\\"], ["caf\xe9"], [5]])
def test_wrong_keys(appliance, keys):
    with pytest.raises(SpecError, match="expected: a list of printable characters but commas"):
        dataclasses.replace(appliance, keys=keys)


@pytest.mark.parametrize(
    "origins", ["*", ["localhost"], ["http://a/"], ["http://"], ["ftp://a"], ["http://a,http://b"]]
)
def test_wrong_origins(appliance, origins):
    with pytest.raises(SpecError, match='expected: a list of "http://host:port"'):
        dataclasses.replace(appliance, origins=origins)
