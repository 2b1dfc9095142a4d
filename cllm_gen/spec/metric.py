"""What is counted and measured while an appliance runs, and shown to Prometheus at /metrics.

metrics = Metrics(
    "queue",
    "Requests on their way to the model.",
    Gauge("requests_waiting", "Requests that wait for a place.", names=["llamacpp:requests_deferred"]),
    Counter("requests", "Requests that ended.", label="outcome", values=["answered", "cancelled"]),
    Histogram("queue_time", "Time in the queue.", bounds=[0.001, 0.01, 0.1, 1]),
)

A family is shown as cllm_<name>, with its unit and, of a counter, _total behind it, unless `names` says
otherwise: several names are several families of the same numbers. The rules of a name are those that
`promtool check metrics` has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cllm_gen.source import Span, SpecError, caller_span
from cllm_gen.spec.schema import literal_span

UNITS = {"": "", "seconds": "_seconds", "bytes": "_bytes"}
_EXAMPLE = 'Counter("requests", "Requests that were answered.")'
_SHOWN = re.compile(r"[a-z_][a-z0-9_]*(:[a-z_][a-z0-9_]*)?\Z")


@dataclass(frozen=True)
class Metric:
    """One family. `name` is what C calls it; `names`, what the page does."""

    name: str
    help: str
    names: Sequence[str] = ()
    span: Span = field(default_factory=caller_span, kw_only=True, compare=False)

    type = "gauge"
    suffix = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "span", literal_span(self.span, self.name))
        if not re.match(r"[a-z][a-z0-9_]*\Z", self.name):
            self._refuse(f"metric {self.name!r}", "a lower-case identifier")
        if not self.help.strip().endswith(".") or "\n" in self.help or "\\" in self.help:
            self._refuse(f"help {self.help!r} of metric {self.name}", "one line, a sentence")
        for each in self.shown:
            if not _SHOWN.match(each):
                self._refuse(f"name {each!r}", "lower-case words, at most one colon")
            if each.endswith("_total") != (self.suffix == "_total"):
                self._refuse(f"{self.type} named {each}", "_total behind counters, and only there")
            if each.endswith(("_count", "_sum", "_bucket")):
                self._refuse(f"{self.type} named {each}", "no _count, _sum or _bucket at the end")

    def _refuse(self, found: str, expected: str) -> None:
        raise SpecError(self.span, found, expected, _EXAMPLE)

    @property
    def unit(self) -> str:
        return ""

    @property
    def shown(self) -> list[str]:
        """Names of its families on the page."""
        return list(self.names) or [f"cllm_{self.name}{UNITS[self.unit]}{self.suffix}"]


@dataclass(frozen=True)
class _Number(Metric):
    """A number that C sets, or one for each value of a label."""

    measured: str = ""
    """Its unit: seconds (nanoseconds in C), bytes, or none."""
    label: str = ""
    values: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.measured not in UNITS:
            self._refuse(f"unit {self.measured!r} of metric {self.name}", "seconds, bytes or none")
        super().__post_init__()
        if bool(self.label) != bool(self.values) or len(set(self.values)) != len(self.values):
            self._refuse(f"labels of metric {self.name}", "a label with its values, each once")
        for each in [self.label, *self.values] if self.label else []:
            if not re.match(r"[a-z0-9][a-z0-9_]*\Z", each):
                self._refuse(f"label {each!r} of metric {self.name}", "a lower-case identifier")

    @property
    def unit(self) -> str:
        return self.measured


@dataclass(frozen=True)
class Counter(_Number):
    """It only grows."""

    type = "counter"
    suffix = "_total"


@dataclass(frozen=True)
class Gauge(_Number):
    """It goes up and down."""


@dataclass(frozen=True)
class Ratio(Metric):
    """One metric divided by another, when the page is written; 0 while that is 0."""

    part: str = ""
    whole: str = ""


@dataclass(frozen=True)
class Info(Metric):
    """Always 1; its labels say what does not change: numbers, each a metric's, or texts that C sets."""

    labels: Mapping[str, str] = field(default_factory=dict)
    texts: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.labels) == bool(self.texts):
            self._refuse(f"labels of {self.name}", "labels of numbers, or else texts")


@dataclass(frozen=True)
class Histogram(Metric):
    """How often what was measured was at most each of `bounds`, in seconds."""

    bounds: Sequence[float] = ()

    type = "histogram"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bounds or list(self.bounds) != sorted(set(self.bounds)) or self.bounds[0] <= 0:
            self._refuse(f"bounds of {self.name}", "seconds, ascending, each once")

    @property
    def unit(self) -> str:
        return "seconds"


@dataclass(frozen=True)
class Metrics:
    """Families that one part of the kernel provides: the page has them when that part runs."""

    name: str
    summary: str
    families: tuple[Metric, ...]
    span: Span = field(compare=False)

    def __init__(self, name: str, summary: str, *families: Metric):
        span = literal_span(caller_span(), name)
        example = f'Metrics("http", "Connections and requests.", {_EXAMPLE})'
        if not re.match(r"[a-z][a-z0-9_]*\Z", name):
            raise SpecError(span, f"metrics named {name!r}", "a lower-case identifier", example)
        if not families or not all(isinstance(each, Metric) for each in families):
            raise SpecError(span, f"metrics {name!r} of {families!r}", "families", example)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "summary", summary)
        object.__setattr__(self, "families", families)
        object.__setattr__(self, "span", span)


def check_metrics(groups: Sequence[Metrics]) -> None:
    """Names are given once; what ratios and infos name is there. Raises SpecError."""
    families = [each for group in groups for each in group.families]
    numbers = {each.name for each in families if isinstance(each, _Number) and not each.label}
    known: dict[str, Span] = {}
    for each in families:
        for name in [each.name, *each.shown]:
            if name in known:
                raise SpecError(
                    each.span,
                    f"a second metric {name}",
                    f"another name than {known[name]}",
                    _EXAMPLE,
                )
        known |= dict.fromkeys([each.name, *each.shown], each.span)
        wanted = [each.part, each.whole] if isinstance(each, Ratio) else []
        wanted += each.labels.values() if isinstance(each, Info) else []
        for name in wanted:
            if name not in numbers:
                raise SpecError(
                    each.span,
                    f"{each.name} of {name!r}",
                    "names of counters or gauges without labels",
                    'Ratio("hit_rate", "Hits in queries.", part="hits", whole="queries")',
                )
