"""The benchmark: what a token costs, whose turn it is, what a table says, what is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from cllm_gen.bench import bench, contest, peer_weights, peers, probe, report, tables
from cllm_gen.bench.contest import OURS, Entrant, Run
from cllm_gen.bench.costs import costs
from cllm_gen.bench.probe import Abilities
from cllm_gen.bench.quality import Quality
from cllm_gen.bench.ratios import Ratio, ratios
from cllm_gen.machine.errors import RunFailed
from cllm_gen.weights.gguf_file import GgufFile
from tests.model import small_gguf
from tests.native import ROOT


@pytest.fixture(scope="module")
def gguf(tmp_path_factory):
    return small_gguf.write(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def run(prefill: float, decode: float) -> Run:
    """A run of 100 tokens and 11 more at these rates."""
    return Run(100, 100 / prefill, 11, 10 / decode, 1.0)


def test_cost_of_a_token(gguf):
    shape, found = small_gguf.Shape(), costs(gguf)
    file = GgufFile(gguf)
    vocabulary = file.tensors["token_embd.weight"].shape[0]
    keys = shape.kv_heads * shape.head
    layer = shape.width * (2 * shape.heads * shape.head + 2 * keys + 3 * shape.hidden)
    assert found.prefill_operations == 2 * shape.layers * layer
    assert found.decode_operations - found.prefill_operations == 2 * vocabulary * shape.width
    assert found.cache_values == 2 * keys * shape.layers
    stored = sum(each.size for each in file.tensors.values() if len(each.shape) == 2)
    assert found.weight_bytes == stored, "the tied table is read once, as the head"
    assert found.decode_bytes(10, 2) == stored + 10 * 2 * found.cache_values


@pytest.mark.parametrize("weights, matrix", [("f16", "f16"), ("f32", "f32"), ("q4_0", "q4_0")])
def test_weights_for_peers_keep_what_the_file_says(gguf, tmp_path, weights, matrix):
    shipped, made = GgufFile(gguf), GgufFile(peer_weights.peer_weights(gguf, weights, tmp_path))
    assert made.tensors.keys() == shipped.tensors.keys()
    for name, tensor in shipped.tensors.items():
        other = made.tensors[name]
        assert other.shape == tensor.shape
        small = len(tensor.shape) == 1 or (weights == "q4_0" and tensor.type == "q8_0")
        assert other.type == (tensor.type if small else matrix)
        scale = abs(tensor.values()).max()
        loss = 0 if small or weights == "f32" else 0.2
        assert abs(other.values() - tensor.values()).max() <= scale * loss
    dropped = {"general.file_type", "general.quantization_version"}
    for key in shipped.metadata.keys() - dropped:
        assert made.metadata[key] == shipped.metadata[key]


def test_weights_for_peers_are_made_once(gguf, tmp_path):
    assert peer_weights.peer_weights(gguf, "shipped", tmp_path) == gguf
    first = peer_weights.peer_weights(gguf, "f16", tmp_path)
    made = first.stat().st_mtime_ns
    assert peer_weights.peer_weights(gguf, "f16", tmp_path).stat().st_mtime_ns == made
    assert [each.name for each in tmp_path.iterdir()] == [first.name]


def test_prompts_begin_differently():
    tokens = list(range(700))
    texts = contest.prompts(tokens, 512)
    found = [next(texts) for _ in range(60)]
    assert all(len(each) == 512 for each in found)
    assert len({each[0] for each in found}) == len(found)


class Fake:
    """An engine that notes what it was told."""

    def __init__(self, name: str, log: list, fails: bool = False):
        self.name, self.log, self.fails = name, log, fails

    def run(self, prompt, answer):
        self.log.append((self.name, prompt[0]))
        if self.fails:
            raise RunFailed("out of memory")
        return run(100, 10)

    def pause(self):
        self.log.append((self.name, "pause"))

    def resume(self):
        self.log.append((self.name, "resume"))


def test_engines_alternate_and_only_one_is_awake():
    log: list = []
    entrants = [(Entrant(n, "w", 1), Fake(n, log, n == "b")) for n in "abc"]
    told: list[str] = []
    contest.hold(entrants, list(range(99)), 2, 8, 4, told.append)
    assert [name for name, what in log if isinstance(what, int)] == list("abc" "ac" "ac")
    asleep = set()
    for name, what in log:
        if what == "pause":
            asleep.add(name)
        elif what == "resume":
            assert asleep == set("abc")
            asleep.remove(name)
        else:
            assert asleep == set("abc") - {name}
    prompts = [what for _, what in log if isinstance(what, int)]
    assert len(set(prompts)) == len(prompts), "engines cache what they have seen"
    assert [len(entrant.runs) for entrant, _ in entrants] == [2, 0, 2], "the warm-up is not counted"
    assert entrants[1][0].failure == "out of memory"
    assert any("round 2 of 2" in line for line in told)


def test_a_fast_engine_gets_more_prompts():
    class Fast:
        def __init__(self):
            self.asked: list[int] = []

        def run(self, prompt, answer):
            self.asked.append(answer)
            return replace(run(100, 10), prompt_s=0.25 if len(self.asked) % 2 else 0.35)

        def pause(self):
            pass

        resume = pause

    fast, entrant = Fast(), Entrant("a", "w", 1)
    contest.hold([(entrant, fast)], list(range(99)), 1, 8, 4, lambda line: None)
    assert fast.asked == [4, 1, 1, 1] * 2
    assert entrant.runs[0].alone_s == (0.35, 0.25, 0.35)
    assert entrant.runs[0].prefill == pytest.approx(100 / 0.3)


ABILITIES = Abilities("a CPU", 100, [1e9, 2e9], {"slow": [1e9, 2e9], "fast": [4e9, 8e9]})


def test_figures_ratios_and_shares(gguf):
    entrants = [
        Entrant(OURS, "shipped", 2, gguf, runs=[run(900, 30), run(1000, 40), run(1100, 50)]),
        Entrant("llama", "shipped", 2, gguf, runs=[run(50, 10)]),
        Entrant("llama", "q4_0", 2, gguf, runs=[run(200, 20)]),
        Entrant("openvino", "f16", 2, gguf, runs=[run(400, 8)]),
        Entrant("openvino", "q4_0", 2, failure="does not read this model"),
    ]
    results = [report.result(each, 2, ABILITIES) for each in entrants if each.runs]
    ours, cost = results[0], costs(gguf)
    assert (ours.prefill.median, ours.prefill.spread) == (pytest.approx(1000), "10%")
    assert ours.unit == "fast"
    assert ours.unit_share == pytest.approx(cost.prefill_operations * 1000 / 8e9)
    read = cost.weight_bytes + 2 * cost.cache_values * round(100 + 11 / 2)
    assert ours.bandwidth_share == pytest.approx(read * 40 / 2e9)
    found = ratios(entrants, 2)
    assert list(found) == [
        "llama.cpp shipped",
        "OpenVINO f16",
        "llama.cpp q4_0",
    ], "first who answers as the file says"
    assert found["llama.cpp shipped"]["decode"].of_medians == pytest.approx(4)
    assert found["OpenVINO f16"]["prefill"].of_medians == pytest.approx(2.5)
    assert ratios(entrants, 1) == {}
    document = report.document("tiny", entrants, results, ABILITIES, {"rounds": 3})
    again = json.loads(json.dumps(document))
    assert again["failures"] == {"OpenVINO q4_0, 2 threads": "does not read this model"}
    assert again["ratios"]["2"]["llama.cpp q4_0"]["decode"]["of_medians"] == pytest.approx(2)
    assert [each["decode"] for each in again["runs"][0]["runs"]] == pytest.approx([30, 40, 50])


def test_ratios_within_rounds_outlive_a_disturbance():
    """Ours is twice as fast throughout; a slow minute falls on other rounds of each engine's half."""
    ours, theirs = [200, 210, 190, 50, 52], [100, 105, 95, 25, 104]
    found = Ratio.of(ours, theirs)
    assert found.of_medians == pytest.approx(1.9)
    assert (found.in_rounds, found.least, found.most) == pytest.approx((2, 0.5, 2))
    assert Ratio.of(ours, theirs[:2]).in_rounds == pytest.approx(2), "a peer that failed later"


def test_tables_fit_80_columns(gguf):
    """With the longest names and largest figures that can be expected, nothing is cut."""
    abilities = Abilities("a CPU", 100, [1e11], {"int16_avx512_vnni": [9e14]})
    good, bad = Quality(-1e-9, 1.0, 33.33, 1979), Quality(12.34567, 0.0004, 4321.98, 1979)
    entrants = [
        Entrant(OURS, "shipped", 1, gguf, runs=[run(9876, 1400), run(98, 98)]),
        Entrant("openvino", "q4_0", 1, gguf, runs=[run(110, 15), run(110, 15)], quality=bad),
        Entrant("llama", "shipped", 1, gguf, runs=[run(110, 15), run(11, 150)], quality=good),
    ]
    results = [report.result(each, 2, abilities) for each in entrants]
    console = bench.Console(width=tables.WIDTH)
    for table in (
        tables.machine_table(abilities),
        tables.rate_table("title", results, 1),
        tables.ratio_table(ratios(entrants, 1), 1),
    ):
        with console.capture() as captured:
            console.print(table)
        shown = captured.get()
        assert "…" not in shown and len(shown.splitlines()) > 4
        assert all(len(line) <= tables.WIDTH for line in shown.splitlines())
        if "KL" in shown:
            names = [shown.index(name) for name in ("cllm", "llama.cpp shipped", "OpenVINO q4_0")]
            assert names == sorted(names), "who answers as the file says, then others"
            told = " ".join(shown.split())
            assert "0.00000 100.0% 33.33" in told, "no divergence reads as less than none"
            assert "12.3456 0.0% 4321.98" in told
            assert "below the line: answers of another model" in shown


def test_who_answers_wrongly_is_not_near_the_file():
    right, wrong = Quality(0.003, 0.97, 33, 9), Quality(1.49, 0.33, 146, 9)
    assert Entrant("ik", "f16", 2).near and Entrant("ik", "f16", 2, quality=right).near
    assert Entrant("ik", "f16", 2, quality=Quality(None, None, 33, 9)).near
    assert not Entrant("ik", "shipped", 2, quality=wrong).near
    assert not Entrant("ik", "q4_0", 2).near and not Entrant("ik", "q4_0", 2, quality=right).near


def test_probe_measures_and_keeps(tmp_path):
    assert probe.known(tmp_path) is None
    found = probe.probe(tmp_path, 4 << 20, 1)
    assert len(found.bandwidth) == 1 and found.bandwidth[0] > 0
    assert all(len(peaks) == 1 and peaks[0] > 0 for peaks in found.peaks.values())
    flags = probe.Path("/proc/cpuinfo").read_text().split()
    units = {
        "f32_avx2": "fma",
        "int8_avx_vnni": "avx_vnni",
        "f32_avx512": "avx512f",
        "int8_amx": "amx_int8",
    }
    for unit, flag in units.items():
        assert (unit in found.peaks) == (flag in flags)
    assert probe.known(tmp_path) == found
    assert probe.known(tmp_path, threads=2) is None, "two threads were not measured"
    kept = tmp_path / "build/bench/machine.json"
    kept.write_text(kept.read_text().replace(found.cpu, "another CPU"))
    assert probe.known(tmp_path) is None


def test_missing_peers_are_named_with_the_command(tmp_path):
    with pytest.raises(RunFailed, match=r"make setup-bench.*--peers none"):
        peers.python(tmp_path)


@pytest.mark.parametrize(
    "engine, threads, ending, told",
    [
        ("llama", 1, "os.kill(os.getpid(), signal.SIGKILL)", "^killed by SIGKILL$"),
        ("llama", 2, "sys.exit('no room')", "^exit 1; it wrote .*/build/bench/llama-shipped.log$"),
        (
            "openvino",
            1,
            "os.kill(os.getpid(), signal.SIGFPE)",
            "SIGFPE. OpenVINO.* needs two threads$",
        ),
        ("openvino", 2, "os.kill(os.getpid(), signal.SIGFPE)", "^killed by SIGFPE$"),
    ],
)
def test_a_peer_that_dies_says_how(tmp_path, monkeypatch, gguf, engine, threads, ending, told):
    worker = tmp_path / "worker.py"
    worker.write_text(f"import os, signal, sys\n{ending}\n")
    monkeypatch.setattr(peers, "_WORKER", worker)
    monkeypatch.setattr(peers, "python", lambda root: sys.executable)
    with pytest.raises(RunFailed, match=told):
        peers.Peer(tmp_path, engine, gguf, "shipped", threads)


def test_unknown_model_lists_the_known():
    with pytest.raises(RunFailed, match=r"no appliance serves 'gpt-9'.*smollm2_135m"):
        bench.find_appliance(ROOT, None, "gpt-9")
    assert bench.find_appliance(ROOT, None, "smollm2_135m").name == "smollm2"


def test_our_engine_alone(tmp_path):
    """The whole way, without peers: build, serve, ask over HTTP, write the figures."""
    path = tmp_path / "figures.json"
    settings = bench.Settings(threads=(1,), rounds=2, prompt=40, answer=6, peers=())
    (found,) = bench.bench(ROOT, "smollm2", None, settings, path)
    assert found.engine == OURS and found.prefill.median > 0 and found.decode.median > 0
    written = json.loads(path.read_text())
    (ours,) = written["runs"]
    assert [each["prompt_tokens"] for each in ours["runs"]] == [40, 40]
    assert all(
        each["whole_s"] > each["prompt_s"] + each["answer_s"] > 0 for each in ours["runs"]
    ), "the engine's own clock runs inside the request"
    assert written["machine"]["bandwidth"] and written["results"][0]["detail"]
    quality = written["results"][0]["quality"]
    if peers.installed(ROOT):
        assert 0 < quality["divergence"] < 0.005 and 0.98 < quality["same"] < 1
    else:
        assert quality["divergence"] is None
    assert 25 < quality["perplexity"] < 45 and quality["positions"] > 1900


@pytest.mark.skipif(not peers.installed(ROOT), reason="needs make setup-bench")
def test_chart(tmp_path, gguf):
    entrants = [
        Entrant(OURS, "shipped", 2, gguf, runs=[run(900, 30)]),
        Entrant("llama", "shipped", 2, gguf, runs=[run(50, 10)]),
    ]
    results = [report.result(each, 2, ABILITIES) for each in entrants]
    settings = {"threads": (2,), "prompt": 512, "answer": 128}
    path = tmp_path / "figures.json"
    report.write(path, report.document("tiny", entrants, results, ABILITIES, settings))
    bench.draw(ROOT, bench.Console(quiet=True), path)
    drawn = path.with_suffix(".svg").read_text()
    for text in ("cllm shipped: 900 tok/s", "llama.cpp shipped: 10 tok/s", "memory, 2 GB/s"):
        assert text in drawn
    assert path.with_suffix(".png").stat().st_size > 10000
