"""The quality of answers: the text, the logits of every engine, what is made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cllm_gen.bench import judge, logits, peers, quality
from cllm_gen.bench.contest import OURS, Entrant
from cllm_gen.bench.logits import KEPT_BYTES, WINDOW, Text
from cllm_gen.bench.quality import Quality
from cllm_gen.image.build import build
from cllm_gen.machine.errors import RunFailed
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.locate import locate
from tests.native import ROOT
from tests.reference import llama

TOKENS = (504, 3575, 282, 4649, 314, 260, 3296, 282, 1, 198, 4093, 198, 28, 253, 1141, 30)


@pytest.fixture(scope="module")
def model():
    """Appliance, image, GGUF."""
    spec = load_appliances(ROOT, "smollm2")[0]
    return spec, build(ROOT, "hosted", spec.name), locate(ROOT, spec.model.weights)


@pytest.fixture(scope="module")
def truth(model):
    """A short text of two windows' worth, and its rows by the float64 reference."""
    expected = llama.Reference(model[2]).logits(list(TOKENS))[:-1]
    return Text((TOKENS,), model[0].model.vocabulary), expected


def test_every_window_begins_as_a_text_does():
    text = Text.of(list(range(100, 1200)), [7, 8], 10)
    assert [len(each) for each in text.windows] == [WINDOW, WINDOW, 1100 - 2 * (WINDOW - 2) + 2]
    assert all(each[:2] == (7, 8) for each in text.windows)
    assert [token for each in text.windows for token in each[2:]] == list(range(100, 1200))
    assert text.following[: WINDOW - 1] == list(text.windows[0][1:])
    assert len(text.following) == 1100 + 2 * 3 - 3


def test_large_vocabularies_go_through_less_text():
    whole = list(range(5000))
    most = KEPT_BYTES // (4 * (WINDOW - 1))
    assert len(Text.of(whole, [], most).windows) == 1
    assert len(Text.of(whole, [], 10 * most).windows) == 1
    assert len(Text.of(whole, [], most // 3).windows) == 3
    assert Text.of([*range(WINDOW), 1], [], 10).following == list(range(1, WINDOW)), "no row of it"


def test_figures_of_a_quality():
    text = Text(((0, 1, 0),), 2)
    even, sure = np.log([0.5, 0.5]), np.log([0.25, 0.75])
    found = quality.measure(text, np.array([even, sure]), iter([sure + 3, sure]))
    assert found.divergence == pytest.approx(0.5 * math.log(0.5 / 0.25 * 0.5 / 0.75) / 2)
    assert found.same == 0.5, "the first of two that are as likely"
    assert found.perplexity == pytest.approx(1 / math.sqrt(0.75 * 0.25))
    assert found.positions == 2
    alone = quality.measure(text, None, iter([even, even]))
    assert (alone.divergence, alone.same, alone.perplexity) == (None, None, pytest.approx(2))
    assert alone.shown == ("-", "-", "2.00")
    with pytest.raises(ValueError):
        quality.measure(text, None, iter([even]))


def test_the_worse_of_two_is_worse_in_all():
    one, other = Quality(0.1, 0.9, 30, 5), Quality(0.2, 0.95, 29, 5)
    assert quality.worse(one, other) == Quality(0.2, 0.9, 30, 5)
    assert quality.worse(Quality(None, None, 3, 5), Quality(None, None, 4, 5)).perplexity == 4


@pytest.mark.parametrize("rows", [1, 12])
def test_our_logits_are_those_of_the_model(model, truth, rows):
    spec, image, _ = model
    text, expected = truth
    binary = logits.program(ROOT, spec, image)
    reference = np.array([quality.log_softmax(row) for row in expected])
    found = quality.measure(text, reference, logits.of_ours(binary, image, text, rows, "cpus=1"))
    assert found.positions == len(TOKENS) - 1
    assert 0 < found.divergence < 0.005, "near it, and not the reference itself"


def test_windows_begin_anew(model):
    spec, image, _ = model
    binary = logits.program(ROOT, spec, image)
    rng = np.random.default_rng(3)
    first = tuple(int(each) for each in rng.integers(1000, 40000, WINDOW))
    text = Text((first, TOKENS), spec.model.vocabulary)
    rows = list(logits.of_ours(binary, image, text, 64, "cpus=1"))
    alone = list(logits.of_ours(binary, image, Text((TOKENS,), text.vocabulary), 64, "cpus=1"))
    assert len(rows) == WINDOW - 1 + len(TOKENS) - 1
    assert np.array_equal(rows[WINDOW - 1 :], alone)


def test_logits_that_do_not_come_say_why(model):
    spec, image, _ = model
    binary = logits.program(ROOT, spec, image)
    text = Text((TOKENS,), spec.model.vocabulary)
    with pytest.raises(RunFailed, match="100000 rows or 512 positions do not fit"):
        list(logits.of_ours(binary, image, text, 100_000, "cpus=1"))


needs_peers = pytest.mark.skipif(not peers.installed(ROOT), reason="needs make setup-bench")


@needs_peers
def test_the_reference_is_float64s_and_kept(tmp_path, monkeypatch, model, truth):
    (tmp_path / "build").mkdir()
    folder = tmp_path / "build" / "peers"
    folder.mkdir()
    for part in ("venv", "llama.cpp", "setup-stamp"):
        (folder / part).symlink_to(ROOT / "build" / "peers" / part)
    text, expected = truth
    rows = quality.reference(tmp_path, model[2], text)
    found = quality.measure(
        text, np.array([quality.log_softmax(row) for row in expected]), iter(rows)
    )
    assert found.divergence < 1e-6 and found.same == 1
    assert not list((folder / "weights").iterdir()), "the file in F32 is gone"
    monkeypatch.setattr(quality, "Peer", None)
    assert np.array_equal(quality.reference(tmp_path, model[2], text), rows)


@needs_peers
@pytest.mark.parametrize(
    "engine, weights, most",
    [("llama", "shipped", 0.02), ("openvino", "f16", 0.02), ("ik", "f16", 0.001)],
)
def test_peers_logits_are_those_of_the_model(model, truth, tmp_path, engine, weights, most):
    text, expected = truth
    reference = np.array([quality.log_softmax(row) for row in expected])
    with peers.Peer(ROOT, engine, model[2], weights, 2) as peer:
        first = quality.measure(text, reference, logits.of_peer(peer, text, tmp_path))
        again = quality.measure(text, reference, logits.of_peer(peer, text, tmp_path))
    assert 0 < first.divergence < most
    assert again == first, "the second time begins anew"
    assert not list(tmp_path.iterdir())


def test_who_cannot_tell_logits_is_left_out_with_a_reason(tmp_path, monkeypatch, model):
    entrants = [
        Entrant(OURS, "shipped", 1),
        Entrant("llama", "shipped", 1),
        Entrant("llama", "shipped", 2),
        Entrant("openvino", "f16", 1, failure="does not load"),
    ]
    good = Quality(0.1, 0.9, 30, 5)

    class Broken:
        def __init__(self, *_):
            raise RunFailed("no logits here")

    monkeypatch.setattr(judge, "ours", lambda *_: [good, good])
    monkeypatch.setattr(judge, "Peer", Broken)
    monkeypatch.setattr(judge, "installed", lambda _: False)
    spec, image, shipped = model
    judge.judge(ROOT, spec, image, shipped, entrants, "", lambda _: None)
    assert [each.quality for each in entrants] == [good, None, None, None]
    assert [each.doubt for each in entrants] == ["", *2 * ["no quality: no logits here"], ""]
