"""What a contest showed: medians, spreads, ratios and shares of what the machine can do, as JSON
(build/bench/<appliance>.json)."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from cllm_gen.bench.contest import OURS, Entrant, Run
from cllm_gen.bench.costs import Costs, costs
from cllm_gen.bench.probe import Abilities
from cllm_gen.bench.quality import Quality
from cllm_gen.bench.ratios import ratios

_CACHE_BYTES = {"ik": 2, "llama": 2, "openvino": 1}
"""Bytes of a cached value: llama.cpp and its fork keep f16 and OpenVINO's CPU plugin u8 unless told otherwise."""


@dataclass(frozen=True)
class Rate:
    """Tokens a second over the rounds: median, slowest and fastest."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: list[float]) -> Rate:
        return Rate(statistics.median(values), min(values), max(values))

    @property
    def spread(self) -> str:
        """Half the range, in percent of the median."""
        return f"{50 * (self.most - self.least) / self.median:.0f}%"


@dataclass(frozen=True)
class Result:
    """One entrant's figures. Bytes and operations are a token's (Costs); `bandwidth` is bytes a second
    read in decode, `operations` a second in prefill; shares are of this machine's best at as many
    threads, none where it was not measured. `near`: it answers as the file says (contest.Entrant);
    `quality` of its answers, where it is known."""

    engine: str
    title: str
    threads: int
    detail: str
    prefill: Rate
    decode: Rate
    whole_s: float
    decode_bytes: float
    decode_operations: int
    prefill_operations: int
    bandwidth: float
    operations: float
    bandwidth_share: float | None
    unit: str | None
    unit_share: float | None
    near: bool
    quality: Quality | None


def cache_value_bytes(engine: str, ours: str) -> float:
    """Bytes of one cached value; `ours` is the appliance's kind of cache."""
    if engine != OURS:
        return _CACHE_BYTES[engine]
    return {"f16": 2, "i8": 1.25}[ours]  # i8: one f32 scale for 16 values


def result(entrant: Entrant, cache_bytes: float, abilities: Abilities | None) -> Result:
    """The figures of an entrant that has runs."""
    assert entrant.file is not None
    cost: Costs = costs(entrant.file)
    prefill = Rate.of([run.prefill for run in entrant.runs])
    decode = Rate.of([run.decode for run in entrant.runs])
    positions = round(statistics.mean(r.prompt_tokens + r.answered / 2 for r in entrant.runs))
    read = cost.decode_bytes(positions, cache_bytes)
    unit = abilities.best_unit(entrant.threads) if abilities else None
    bandwidth, operations = read * decode.median, cost.prefill_operations * prefill.median
    return Result(
        entrant.engine,
        entrant.title,
        entrant.threads,
        entrant.detail,
        prefill,
        decode,
        statistics.median(run.whole_s for run in entrant.runs),
        read,
        cost.decode_operations,
        cost.prefill_operations,
        bandwidth,
        operations,
        bandwidth / abilities.bandwidth[entrant.threads - 1] if abilities else None,
        unit,
        operations / abilities.peaks[unit][entrant.threads - 1] if abilities and unit else None,
        entrant.near,
        entrant.quality,
    )


def document(
    appliance: str,
    entrants: list[Entrant],
    results: list[Result],
    abilities: Abilities | None,
    settings: dict,
) -> dict:
    """Everything as JSON: `settings` of the run; `machine` (Abilities); `results` (Result), `runs` of
    every entrant (Run, in the order run); `ratios` by threads, peer and rate (Ratio); `failures` by
    entrant."""
    threads = sorted({each.threads for each in entrants})
    return {
        "appliance": appliance,
        "settings": settings,
        "machine": asdict(abilities) if abilities else None,
        "results": [asdict(each) for each in results],
        "ratios": {
            str(count): {
                title: {what: asdict(ratio) for what, ratio in found.items()}
                for title, found in ratios(entrants, count).items()
            }
            for count in threads
        },
        "runs": [
            {"title": e.title, "threads": e.threads, "runs": [_run(run) for run in e.runs]}
            for e in entrants
        ],
        "failures": {e.place: e.failure for e in entrants if e.failure},
    }


def _run(run: Run) -> dict:
    return {**asdict(run), "prefill": run.prefill, "decode": run.decode}


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
