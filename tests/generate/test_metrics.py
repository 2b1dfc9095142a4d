"""Metrics in specs: what may be said, and what becomes of it."""

from __future__ import annotations

import pytest

from cllm_gen.emit.tree import texts
from cllm_gen.lower.metrics import outputs
from cllm_gen.source import SpecError
from cllm_gen.spec.appliance import Limits, limit_names
from cllm_gen.spec.load import load_metrics
from cllm_gen.spec.metric import (
    Counter,
    Gauge,
    Histogram,
    Info,
    Metrics,
    Ratio,
    check_metrics,
)
from tests.native import ROOT

WRONG = [
    (lambda: Counter("Requests", "Some."), "a lower-case identifier"),
    (lambda: Counter("requests", "some requests"), "one line, a sentence"),
    (lambda: Counter("requests", "Two\nlines."), "one line, a sentence"),
    (lambda: Counter("requests", "Some.", names=["vllm:requests"]), "_total behind counters"),
    (lambda: Gauge("requests", "Some.", names=["a_total"]), "_total behind counters"),
    (lambda: Gauge("requests_count", "Some."), "no _count"),
    (lambda: Gauge("requests", "Some.", names=["a:b:c"]), "at most one colon"),
    (lambda: Gauge("age", "Old.", measured="minutes"), "seconds, bytes or none"),
    (lambda: Counter("a", "Some.", label="b"), "a label with its values"),
    (lambda: Counter("a", "Some.", label="b", values=["c", "c"]), "each once"),
    (lambda: Counter("a", "Some.", label="b", values=["C d"]), "a lower-case identifier"),
    (lambda: Histogram("a", "Some."), "ascending"),
    (lambda: Histogram("a", "Some.", bounds=[1, 1]), "ascending"),
    (lambda: Info("a", "Some."), "labels of numbers, or else texts"),
    (lambda: Metrics("a", "A."), "families"),
]


@pytest.mark.parametrize(("make", "expected"), WRONG)
def test_wrong_metrics(make, expected):
    with pytest.raises(SpecError) as caught:
        make()
    assert expected in caught.value.expected or expected in str(caught.value)
    assert caught.value.span.path == "test_metrics.py"


@pytest.mark.parametrize(
    ("families", "found"),
    [
        ([Counter("a", "A."), Gauge("a", "A.")], "a second metric a"),
        ([Gauge("a", "A.", names=["x"]), Gauge("b", "B.", names=["x"])], "a second metric x"),
        ([Gauge("a", "A."), Ratio("r", "R.", part="a", whole="b")], "r of 'b'"),
        ([Histogram("a", "A.", bounds=[1]), Ratio("r", "R.", part="a", whole="a")], "r of 'a'"),
        ([Info("i", "I.", labels={"size": "none"})], "i of 'none'"),
    ],
)
def test_metrics_that_do_not_go_together(families, found):
    with pytest.raises(SpecError, match=found):
        check_metrics([Metrics("group", "All.", *families)])


def test_a_counter_more_is_a_small_diff():
    def made(*more):
        first = Counter("a", "The first.", label="b", values=["c", "d"])
        return texts(outputs([Metrics("group", "Some.", first, *more)]))

    before, after = made(), made(Gauge("age", "How old.", measured="seconds"))
    added = [
        row for row in after["metrics/names.h"].splitlines() if row not in before["metrics/names.h"]
    ]
    assert [row.strip() for row in added if "*" not in row] == ["METRIC_AGE,"]
    assert "METRIC_A_C,\n    METRIC_A_D," in before["metrics/names.h"]
    assert "`cllm_age_seconds` | gauge" in after["metrics/metrics.md"]


def test_every_limit_is_counted():
    (limits,) = [each for each in load_metrics(ROOT) if each.name == "limits"]
    assert list(limits.families[0].values) == limit_names() == [*Limits.__dataclass_fields__]
