"""`cllm-gen explain`: costs, bounds and measured shares of generated kernels."""

from __future__ import annotations

import json

import pytest

from cllm_gen.explain import explain, explain_page
from cllm_gen.explain.explain import Explainer
from cllm_gen.explain.kernel_case import Cases, section
from cllm_gen.explain.kernel_library import KernelLibrary
from cllm_gen.image.build import compile_image
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.pack import pack_model
from tests.native import ROOT


@pytest.fixture(scope="module")
def explainer():
    return Explainer(ROOT, load_appliances(ROOT, "smollm2")[0])


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(explain, "_BUDGET", 0.0)


def matrices(explainer) -> str:
    return next(name for name, r in explainer.requests.items() if r.operation == "matmul")


def test_one_kernel(explainer):
    name = matrices(explainer)
    found = explainer.explain(name, explainer.instruction_set("sse2"))
    outputs, columns = explainer.requests[name].shape
    assert found.symbol == f"{name}__sse2" and found.shape == {"N": outputs, "K": columns}
    assert found.code.size > found.code.instructions > 50
    assert found.per_output == pytest.approx(sum(found.instructions.values()) / 16)
    few, many = found.timings
    assert (few.rows, few.operations, few.outputs) == (1, 2 * outputs * columns, outputs)
    assert many.rows > 1 and many.operations == many.rows * few.operations
    assert few.bytes == many.bytes == found.weight_bytes
    assert few.memory_bound > 0 and few.hot > 0 and many.hot > few.hot
    assert few.intensity == pytest.approx(few.operations / few.bytes)
    assert len([line for line in found.advice if "row" in line.split(":")[0]]) >= 2
    assert json.loads(json.dumps(found.document()))["timings"][0]["rows"] == 1


def test_every_kernel_of_every_set_that_runs_here_can_be_timed(explainer):
    """What explain passes fits every parameter: a new kernel with a new one must be taught."""
    appliance = explainer.appliance
    pack = pack_model(ROOT, appliance, ROOT / "build" / appliance.name)
    timed = set()
    for isa in explainer.sets:
        library = KernelLibrary(ROOT, appliance, isa)
        if not library.runs_here():
            continue
        cases = Cases(explainer.low, pack, library)
        for name in explainer.requests:
            case = cases.case(explainer.trace(name, isa), 1)
            symbol = library.symbol(name)
            assert case.outputs > 0 and library.size(symbol) > 0
            assert library.seconds(symbol, case.arguments, [0] * len(case.steps), 1, 0) > 0
            timed.add(symbol)
    assert {each.split("__")[0] for each in timed} == set(explainer.requests)


def test_list_has_every_kernel_with_its_code(explainer):
    listed = explainer.listed(list(explainer.requests), None)
    assert {each.kernel for each in listed} == set(explainer.requests)
    assert all(each.code_bytes > 0 and each.per_output > 0 for each in listed)
    assert len({each.symbol for each in listed}) == len(listed), "a kernel is listed once for a set"
    image = compile_image(ROOT, "hosted", explainer.appliance)
    assert sum(each.code_bytes for each in listed) < image.sections()[".text"]


def test_names(explainer, capsys):
    name = matrices(explainer)
    assert explainer.matching(name) == [name]
    assert set(explainer.matching("")) == set(explainer.requests)
    with pytest.raises(RunFailed, match=f"(?s)no kernel begins with 'matmul_q9'.*{name}"):
        explain_page.show(ROOT, "matmul_q9", None, "smollm2", None, False)
    with pytest.raises(RunFailed, match=r"no instruction set 'neon'.*sse2"):
        explain_page.show(ROOT, name, "neon", "smollm2", None, False)
    explain_page.show(ROOT, "matmul", "sse2", "smollm2", None, True)
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) > 1 and {each["isa"] for each in listed} == {"sse2"}


def test_page_of_a_kernel_named_with_its_set(explainer, capsys):
    explain_page.show(ROOT, f"{matrices(explainer)}__sse2", None, "smollm2", None, False)
    page = capsys.readouterr().out
    for part in ("shape", "schedule", "machine instructions", "an output", "cold", "memory"):
        assert part in page


def test_section_of_an_image(explainer):
    appliance = explainer.appliance
    pack = pack_model(ROOT, appliance, ROOT / "build" / appliance.name)
    assert len(section(pack, "weights")) == explainer.low.weight_bytes
    with pytest.raises(RunFailed, match="no section nothing"):
        section(pack, "nothing")
