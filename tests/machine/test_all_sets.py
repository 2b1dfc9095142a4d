"""The table by class of CPU: what stands beside which set, which sets are left out, what it says."""

from __future__ import annotations

import pytest

from cllm_gen.bench import all_sets, peers
from cllm_gen.bench.all_sets import Class
from cllm_gen.bench.bench import Settings
from cllm_gen.bench.contest import OURS, Entrant, Run
from cllm_gen.bench.quality import Quality
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.locate import locate
from specs.isa.amx import amx
from specs.isa.avx2 import avx2
from specs.isa.avx512 import avx512
from specs.isa.sse2 import sse2
from tests.native import ROOT


@pytest.fixture(scope="module")
def spec():
    return load_appliances(ROOT, "smollm2")[0]


def run(prefill: float, decode: float) -> Run:
    return Run(100, 100 / prefill, 11, 10 / decode, 1.0)


def test_llama_is_built_for_the_sets_class():
    assert [all_sets.llama_build(isa) for isa in (sse2, avx2, avx512, amx)] == [
        "sse2",
        "avx2",
        "",
        "",
    ]


def test_emulators_sets_are_left_out(spec):
    names = [isa.name for isa in all_sets.sets_of(spec)]
    assert "word32" not in names and "word64" not in names
    assert names.index("sse2") < names.index("avx2") < names.index("avx512") < names.index("amx")


def test_what_runs_here_is_what_linux_says(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(all_sets, "CPUINFO", cpuinfo)
    cpuinfo.write_text("model name: x\nflags\t\t: sse2 avx fma f16c avx2 avx512f avx512dq\n")
    assert [all_sets.runs_here(isa) for isa in (sse2, avx2, avx512)] == [True, True, False]
    flags = "sse2 avx fma f16c avx2 avx512f avx512dq avx512bw avx512vl avx512_vnni"
    cpuinfo.write_text(f"flags : {flags}\n")
    assert [all_sets.runs_here(isa) for isa in (avx512, amx)] == [True, False]


def test_older_classes_have_llama_alone_and_the_best_all(spec):
    settings = Settings()
    old = all_sets.rivals(Class(sse2), False, settings, 2)
    assert {(e.engine, e.build) for e in old} == {("llama", "sse2")}
    middle = all_sets.rivals(Class(avx2), False, settings, 2)
    assert {(e.engine, e.build) for e in middle} == {("llama", "avx2"), ("ik", "")}
    best = all_sets.rivals(Class(avx512), True, settings, 2)
    assert {e.engine for e in best} == set(settings.peers)
    assert {e.build for e in best} == {""}
    assert all_sets.rivals(Class(avx2), False, Settings(peers=("openvino",)), 2) == []


def test_the_table_says_what_ran_and_what_could_not():
    good = Quality(0.0002, 0.99, 33.3, 1979)
    classes = [
        Class(
            sse2,
            [
                Entrant(OURS, "shipped", 2, runs=[run(300, 30)], quality=good),
                Entrant("llama", "q4_0", 2, build="sse2", detail="v1; SSE3", runs=[run(30, 10)]),
                Entrant("llama", "shipped", 2, build="sse2", runs=[run(20, 5)], doubt="no logits"),
            ],
        ),
        Class(avx2, [Entrant(OURS, "shipped", 2, runs=[run(1000, 90)])]),
        Class(amx, missing=True),
    ]
    text = all_sets.markdown("A model", classes, Settings(rounds=3), 2, "a CPU, 2 CPUs", "abc1234")
    lines = text.splitlines()
    assert lines[0].startswith("A model on a CPU, 2 CPUs, ")
    assert "commit abc1234: 2 threads, 512 tokens of prompt" in lines[0]
    rows = [line for line in lines if line.startswith("| ") and "engine" not in line]
    assert rows == [
        "| sse2 | cllm shipped | 300 | 30.0 |  |  | 0.00020 | 99.0% | 33.30 |",
        "|  | llama.cpp shipped, sse2 | 20.0 | 5.0 | 15.00 | 6.00 | - | - | - |",
        "|  | llama.cpp q4_0, sse2 | 30.0 | 10.0 | 10.00 | 3.00 | - | - | - |",
        "| avx2 | cllm shipped | 1,000 | 90.0 |  |  | - | - | - |",
    ]
    assert "Sets that this CPU cannot run: amx." in lines
    assert "llama.cpp shipped, sse2: no logits." in lines
    assert lines[-1] == "- llama.cpp q4_0, sse2: v1; SSE3"


@pytest.mark.skipif(not peers.installed(ROOT), reason="needs make setup-bench")
@pytest.mark.parametrize("built, last", [("sse2", "LLAMAFILE"), ("sse42", "SSSE3")])
def test_older_builds_of_llama_are_what_runs(spec, built, last):
    shipped = locate(ROOT, spec.model.weights)
    with peers.Peer(ROOT, "llama", shipped, "shipped", 1, built) as peer:
        sets = peer.version.split("; ")[1].split(", ")
        assert last in sets and not {"AVX", "AVX2", "AVX512"} & set(sets)


def test_a_build_that_is_missing_is_named_with_the_command(tmp_path, monkeypatch, spec):
    monkeypatch.setattr(peers, "python", lambda root: "python3")
    shipped = locate(ROOT, spec.model.weights)
    with pytest.raises(RunFailed, match="for avx2 is not built; mend it with: make setup-bench"):
        peers.Peer(tmp_path, "llama", shipped, "shipped", 1, "avx2")
