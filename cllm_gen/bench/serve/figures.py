"""What a server did under the loads, as numbers. Seconds, bytes, tokens a second."""

from __future__ import annotations

from dataclasses import dataclass, field

from cllm_gen.bench.serve.exchange import Exchange
from cllm_gen.bench.serve.loads import Load
from cllm_gen.bench.serve.quantiles import Quantiles


@dataclass(frozen=True)
class Latencies:
    """Of requests that were answered. `between` is from one piece of text to the next."""

    first: Quantiles | None
    between: Quantiles | None
    whole: Quantiles | None

    @staticmethod
    def of(exchanges: list[Exchange]) -> Latencies:
        firsts = [each.first_s for each in exchanges]
        return Latencies(
            Quantiles.of(first for first in firsts if first is not None),
            Quantiles.of(gap for each in exchanges for gap in each.gaps),
            Quantiles.of(each.whole_s for each in exchanges if each.complete),
        )


@dataclass(frozen=True)
class Closed:
    """So many clients, each with one request at a time."""

    clients: int
    rate: float
    requests: int
    prompt_tokens: float
    latencies: Latencies
    refused: dict[str, int]
    client_cpu: float

    @staticmethod
    def of(clients: int, load: Load) -> Closed:
        answers = load.answers
        prompts = [each.usage["prompt_tokens"] for each in answers]
        return Closed(
            clients,
            load.tokens / load.seconds,
            len(answers),
            sum(prompts) / len(prompts) if prompts else 0.0,
            Latencies.of(answers),
            load.refused,
            load.client,
        )


@dataclass(frozen=True)
class Open:
    """Requests that arrived at `offered` a second. Saturated: some were refused, or half as many more
    were under way at the end as at half-time."""

    offered: float
    arrived: int
    finished: int
    rate: float
    latencies: Latencies
    refused: dict[str, int]
    busy: tuple[int, int]
    saturated: bool

    @staticmethod
    def of(offered: float, load: Load) -> Open:
        middle, end = load.busy
        return Open(
            offered,
            len(load.exchanges),
            sum(each.complete and each.ended <= load.ended for each in load.exchanges),
            load.tokens / load.seconds,
            Latencies.of([each for each in load.exchanges if not each.refusal]),
            load.refused,
            load.busy,
            bool(load.refused) or end > 1.5 * middle + 2,
        )


@dataclass(frozen=True)
class Mixed:
    """Short chats by themselves and beside prompts of 2,000 tokens, one after the other."""

    quiet: Latencies
    crowded: Latencies
    chats: float
    long_first: Quantiles | None
    long_requests: int
    refused: dict[str, int]

    @staticmethod
    def of(quiet: Load, crowded: Load, long: Load) -> Mixed:
        return Mixed(
            Latencies.of(quiet.answers),
            Latencies.of(crowded.answers),
            crowded.tokens / crowded.seconds,
            Latencies.of([each for each in long.exchanges if each.complete]).first,
            sum(each.complete for each in long.exchanges),
            crowded.refused,
        )

    @property
    def stretch(self) -> float | None:
        """Between tokens beside long prompts: the 99th percentile over the median."""
        between = self.crowded.between
        return between.p99 / between.p50 if between else None


@dataclass
class Figures:
    """One server. `failure` says why something is missing."""

    name: str
    title: str
    detail: str = ""
    failure: str = ""
    closed: list[Closed] = field(default_factory=list)
    open: list[Open] = field(default_factory=list)
    mixed: Mixed | None = None
    first_turn: float | None = None
    second_turn: float | None = None
    healthy_s: float | None = None
    resident: int = 0
    peak: int = 0
    health_rate: float | None = None

    @property
    def most(self) -> float:
        """Tokens a second of the closed loop that had most."""
        return max((each.rate for each in self.closed), default=0.0)
