"""What a contest showed: medians, spreads, ratios and shares of what the machine can do, as a table and
as JSON (build/bench/<appliance>.json)."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from cllm_gen.machine.contest import OURS, Entrant, Run
from cllm_gen.machine.costs import Costs, costs
from cllm_gen.machine.peer_weights import SHIPPED
from cllm_gen.machine.probe import Abilities

_CACHE_BYTES = {"llama": 2, "openvino": 1}
"""Bytes of a cached value: llama.cpp keeps f16 and OpenVINO's CPU plugin u8 unless told otherwise."""


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
    threads, none where it was not measured."""

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


def cache_value_bytes(engine: str, ours: str) -> float:
    """Bytes of one cached value; `ours` is the appliance's kind of cache."""
    if engine != OURS:
        return _CACHE_BYTES[engine]
    return {"f16": 2, "i8": 1.25}[ours]  # i8: one f32 scale for 16 values


def result(entrant: Entrant, cache_bytes: float, abilities: Abilities | None) -> Result:
    """The figures of an entrant that has runs."""
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
        operations / abilities.peaks[unit][entrant.threads - 1] if abilities else None,
    )


def ratios(results: list[Result], threads: int) -> dict[str, float]:
    """Ours over the peers at one number of threads: against llama.cpp on the file as shipped, and
    against the best that each peer did with any weights."""
    rows = [each for each in results if each.threads == threads]
    ours = next((each for each in rows if each.engine == OURS), None)
    found: dict[str, float] = {}
    if ours is None:
        return found
    for each in rows:
        if each.engine == "llama" and each.title.endswith(SHIPPED):
            found["decode / llama.cpp shipped"] = ours.decode.median / each.decode.median
            found["prefill / llama.cpp shipped"] = ours.prefill.median / each.prefill.median
    for engine, title in (("llama", "llama.cpp"), ("openvino", "OpenVINO")):
        of = [each for each in rows if each.engine == engine]
        for what in ("decode", "prefill"):
            if of:
                best = max(getattr(each, what).median for each in of)
                found[f"{what} / {title} best"] = getattr(ours, what).median / best
    return found


def table(title: str, results: list[Result], threads: int) -> Table:
    """One table for one number of threads, ours first."""
    rows = [each for each in results if each.threads == threads]
    against = {
        "llama": next((r for r in rows if r.engine == "llama" and r.title.endswith(SHIPPED)), None),
        "openvino": max(
            (r for r in rows if r.engine == "openvino"),
            key=lambda r: r.prefill.median,
            default=None,
        ),
    }
    shown = Table(title=title, title_justify="left")
    shown.add_column("engine, weights", no_wrap=True)
    unit = next((each.unit for each in rows if each.unit), "not measured")
    for name in ("prefill\ntok/s", "\n±", "decode\ntok/s", "\n±", "whole\ns"):
        shown.add_column(name, justify="right")
    others = [row for row in against.values() if row]
    for letter, row in zip("AB", others):
        shown.add_column(f"prefill\n× {letter}", justify="right")
        shown.add_column(f"decode\n× {letter}", justify="right")
    shown.add_column("decode, of\nbandwidth", justify="right")
    shown.add_column(f"prefill, of\n{unit}", justify="right")
    for row in rows:
        letter = next((f" ({a})" for a, each in zip("AB", others) if each is row), "")
        cells = [row.title + letter, f"{row.prefill.median:,.0f}", row.prefill.spread]
        cells += [f"{row.decode.median:,.1f}", row.decode.spread, f"{row.whole_s:.2f}"]
        for other in others:
            cells.append(f"{row.prefill.median / other.prefill.median:.2f}")
            cells.append(f"{row.decode.median / other.decode.median:.2f}")
        for share in (row.bandwidth_share, row.unit_share):
            cells.append("-" if share is None else f"{100 * share:.1f} %")
        shown.add_row(*cells, style="bold" if row.engine == OURS else None)
    return shown


def machine_table(abilities: Abilities) -> Table:
    """What the probe measured."""
    shown = Table(title=abilities.cpu, title_justify="left")
    shown.add_column("measured on this machine")
    counts = range(1, len(abilities.bandwidth) + 1)
    for count in counts:
        shown.add_column(f"{count} thread{'s' * (count > 1)}", justify="right")
    mega = abilities.working_set / 1e6
    shown.add_row(
        f"reads of {mega:.0f} MB, GB/s", *(f"{each / 1e9:.1f}" for each in abilities.bandwidth)
    )
    for unit, peaks in abilities.peaks.items():
        shown.add_row(f"{unit}, 10⁹ operations/s", *(f"{each / 1e9:,.0f}" for each in peaks))
    return shown


def document(
    appliance: str,
    entrants: list[Entrant],
    results: list[Result],
    abilities: Abilities | None,
    settings: dict,
) -> dict:
    """Everything as JSON: `settings` of the run; `machine` (Abilities); `results` (Result), `runs` of
    every entrant (Run, in the order run); `ratios` by threads; `failures` by entrant."""
    threads = sorted({each.threads for each in entrants})
    return {
        "appliance": appliance,
        "settings": settings,
        "machine": asdict(abilities) if abilities else None,
        "results": [asdict(each) for each in results],
        "ratios": {str(count): ratios(results, count) for count in threads},
        "runs": [
            {"title": e.title, "threads": e.threads, "runs": [_run(run) for run in e.runs]}
            for e in entrants
        ],
        "failures": {f"{e.title}, {e.threads}": e.failure for e in entrants if e.failure},
    }


def _run(run: Run) -> dict:
    return {**asdict(run), "prefill": run.prefill, "decode": run.decode}


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
