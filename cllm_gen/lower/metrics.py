"""Metrics to `metrics/names.h` (what C counts by), `metrics/table.c` and the page `metrics/metrics.md`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cllm_gen.lower.output import Output
from cllm_gen.spec.metric import Counter, Gauge, Histogram, Info, Metric, Metrics, Ratio


def outputs(groups: Sequence[Metrics]) -> list[Output]:
    """Those of all groups together, in the order given."""
    units = {each.name: each.unit for group in groups for each in group.families}
    context = {
        "groups": [_group(each, units) for each in groups],
        "histograms": [
            _histogram(each) for g in groups for each in g.families if isinstance(each, Histogram)
        ],
    }
    specs = [each.span.path for each in groups]
    return [
        Output("metrics/names.h", "metrics_names.h.j2", context, specs),
        Output("metrics/table.c", "metrics_table.c.j2", context, specs),
        Output("metrics/metrics.md", "metrics_page.md.j2", context, specs),
    ]


def _group(group: Metrics, units: dict[str, str]) -> dict[str, Any]:
    metrics = [_metric(each, units) for each in group.families]
    return {
        "name": group.name,
        "summary": group.summary,
        "symbol": f"METRICS_{group.name.upper()}",
        "cite": group.span.cite(),
        "metrics": metrics,
        "families": [{**each, "shown": shown} for each in metrics for shown in each["names"]],
    }


def symbol(name: str) -> str:
    return f"METRIC_{name.upper()}"


def _metric(metric: Metric, units: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": metric.name,
        "help": metric.help,
        "type": metric.type,
        "form": "NUMBERS",
        "unit": metric.unit,
        "cite": metric.span.cite(f'"{metric.name}"'),
        "symbols": [],
        "label": "",
        "labels": [],
        "members": [],
        "texts": [],
        "place": symbol(metric.name),
        "count": 1,
        "names": metric.shown,
    }
    if isinstance(metric, (Counter, Gauge)):
        names = [f"{metric.name}_{value}" for value in metric.values] or [metric.name]
        found["symbols"] = [symbol(name) for name in names]
        found |= {"label": metric.label, "labels": list(metric.values)}
        found |= {"place": found["symbols"][0], "count": len(names)}
    elif isinstance(metric, Ratio):
        members = [symbol(metric.part), symbol(metric.whole)]
        found |= {"form": "RATIO", "members": members, "place": 0, "count": 0}
        found["unit"] = units[metric.whole]
    elif isinstance(metric, Info):
        members = [symbol(each) for each in metric.labels.values()]
        texts = [f"{symbol('text')}_{metric.name.upper()}_{each.upper()}" for each in metric.texts]
        found |= {"form": "INFO", "labels": [*metric.labels, *metric.texts], "members": members}
        found |= {"place": 0, "count": len(found["labels"]), "texts": texts}
    elif isinstance(metric, Histogram):
        found |= {"form": "HISTOGRAM", "place": f"HISTOGRAM_{metric.name.upper()}", "count": 0}
    return found


def _histogram(metric: Histogram) -> dict[str, Any]:
    return {
        "name": metric.name,
        "symbol": f"HISTOGRAM_{metric.name.upper()}",
        "help": metric.help,
        "cite": metric.span.cite(f'"{metric.name}"'),
        "bounds": [round(each * 1e9) for each in metric.bounds],
        "buckets": len(metric.bounds) + 1,
        "seconds": ", ".join(f"{each:g}" for each in metric.bounds),
    }
