"""The scorer is the serving image: its probabilities are the reference's."""

from __future__ import annotations

import numpy as np

from cllm_gen.bench import perplexity
from cllm_gen.image.build import build
from cllm_gen.spec.load import load_appliances
from cllm_gen.weights.locate import locate
from tests.native import ROOT
from tests.reference import llama


def test_scores_are_the_references():
    spec = load_appliances(ROOT, "smollm2")[0]
    image = build(ROOT, "hosted", spec.name)
    binary = perplexity.scorer(ROOT, spec, image)
    tokens = [504, 3575, 282, 4649, 314, 260, 3296, 282, 1, 198, 4093, 198, 28, 253, 1141, 30]
    logits = llama.Reference(locate(ROOT, spec.model.weights)).logits(tokens)
    shifted = logits - logits.max(-1, keepdims=True)
    expected = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    wanted = [expected[i, token] for i, token in enumerate(tokens[1:])]
    for rows in (1, 12):
        found = perplexity.score(binary, image, tokens, rows, "cpus=1")
        assert len(found) == len(wanted)
        assert abs(np.array(found) - wanted).mean() < 0.1, f"steps of {rows}"
        assert max(abs(np.array(found) - wanted)) > 0, "it is not the reference itself"


def test_perplexity_is_that_of_the_mean():
    score = perplexity.Score("even odds", [np.log(0.5)] * 7)
    assert abs(score.perplexity - 2) < 1e-12
