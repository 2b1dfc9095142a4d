"""The tables of a report, each once for the console and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from cllm_gen.bench.contest import OURS
from cllm_gen.bench.serve.figures import Figures
from cllm_gen.bench.serve.loads import CHATS, LONG_TOKENS
from cllm_gen.bench.serve.quantiles import Quantiles
from cllm_gen.bench.tables import table

PERCENTILES = ("p50", "p90", "p99", "p99.9")


@dataclass(frozen=True)
class Sheet:
    """A title, headings (the first one of names), rows of cells, and a sentence below."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""

    def rich(self) -> Table:
        shown = table(self.title, *self.headings, caption=self.caption or None)
        for row in self.rows:
            shown.add_row(*row, style="bold" if row[0].startswith(OURS) else None)
        return shown

    def markdown(self) -> str:
        lines = [
            f"## {self.title}",
            "",
            *(f"| {' | '.join(row)} |" for row in (self.headings, _rule(self.headings))),
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        return "\n".join([*lines, "", self.caption] if self.caption else lines) + "\n"


def _rule(headings: tuple[str, ...]) -> list[str]:
    return ["---"] + ["--:"] * (len(headings) - 1)


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{1e3 * seconds:,.1f}" if seconds < 0.1 else f"{1e3 * seconds:,.0f}"


def _quantiles(found: Quantiles | None) -> tuple[str, ...]:
    values = (found.p50, found.p90, found.p99, found.p999) if found else (None,) * 4
    return tuple(_ms(value) for value in values)


def sheets(every: list[Figures]) -> list[Sheet]:
    """Those that there are figures for."""
    made = [_rates(every), _between(every), _whole(every), _arriving(every), _mixed(every)]
    return [sheet for sheet in [*made, _others(every)] if sheet.rows]


def _by_clients(every: list[Figures]):
    """Each closed loop beside its server, and beside ours with as many clients."""
    ours = {each.clients: each for figures in every[:1] for each in figures.closed}
    for clients in dict.fromkeys(each.clients for figures in every for each in figures.closed):
        for figures in every:
            for each in figures.closed:
                if each.clients == clients:
                    yield figures, each, ours.get(clients)


def _rates(every: list[Figures]) -> Sheet:
    rows = []
    for figures, each, ours in _by_clients(every):
        ratio = (
            f"{ours.rate / each.rate:.2f}" if ours and figures.name != OURS and each.rate else ""
        )
        rows.append(
            (
                *(figures.title, str(each.clients), f"{each.rate:,.1f}", ratio),
                *_quantiles(each.latencies.first),
                str(each.requests),
            )
        )
    headings = ("closed loop", "clients", "tok/s", "ours/it", *PERCENTILES, "requests")
    return Sheet("Tokens a second; time to first token, ms", headings, rows)


def _between(every: list[Figures]) -> Sheet:
    rows = []
    for figures, each, _ in _by_clients(every):
        found = each.latencies.between
        row = (figures.title, str(each.clients), *_quantiles(found))
        rows.append((*row, _ms(found.jitter if found else None)))
    caption = "jitter: p99.9 less the median"
    return Sheet(
        "Between tokens, ms", ("closed loop", "clients", *PERCENTILES, "jitter"), rows, caption
    )


def _whole(every: list[Figures]) -> Sheet:
    rows = [
        (
            *(figures.title, str(each.clients), *_quantiles(each.latencies.whole)),
            *(_counted(each.refused), f"{100 * each.client_cpu:.0f} %"),
        )
        for figures, each, _ in _by_clients(every)
    ]
    caption = "clients' CPU: of one, taken from the server by those who ask"
    headings = ("closed loop", "clients", *PERCENTILES, "refused", "clients' CPU")
    return Sheet("End to end, ms", headings, rows, caption)


def _counted(refused: dict[str, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in refused.items()) or "0"


def _arriving(every: list[Figures]) -> Sheet:
    rows = []
    for figures in every:
        for each in figures.open:
            first, between = each.latencies.first, each.latencies.between
            rows.append(
                (
                    figures.title,
                    f"{each.offered:.2f}",
                    f"{each.finished} of {each.arrived}",
                    f"{each.rate:,.1f}",
                    _ms(first.p50 if first else None),
                    _ms(first.p99 if first else None),
                    _ms(between.p50 if between else None),
                    _ms(between.p99 if between else None),
                    ("saturated" if each.saturated else "keeps up")
                    + (f", {_counted(each.refused)}" if each.refused else ""),
                )
            )
    headings = ("open loop", "offered/s", "in time", "tok/s", "first p50", "p99")
    return Sheet("Arrivals at random, ms", (*headings, "between p50", "p99", "state"), rows)


def _mixed(every: list[Figures]) -> Sheet:
    rows = []
    for figures in every:
        if not (mixed := figures.mixed):
            continue
        quiet, crowded = mixed.quiet.between, mixed.crowded.between
        rows.append(
            (
                figures.title,
                *(_ms(each.p50 if each else None) for each in (quiet, crowded)),
                _ms(crowded.p99 if crowded else None),
                f"{mixed.stretch:.1f}" if mixed.stretch else "-",
                _ms(crowded.jitter if crowded else None),
                f"{mixed.chats:,.1f}",
                _ms(mixed.long_first.p50 if mixed.long_first else None),
            )
        )
    headings = ("between tokens", "alone p50", "beside p50", "p99", "p99/p50", "jitter")
    title = f"{CHATS} short chats beside prompts of {LONG_TOKENS:,} tokens, ms"
    return Sheet(title, (*headings, "chats tok/s", "long: first"), rows)


def _others(every: list[Figures]) -> Sheet:
    rows = []
    for each in every:
        share = each.second_turn / each.first_turn if each.second_turn and each.first_turn else None
        rows.append(
            (
                each.title,
                _ms(each.first_turn),
                _ms(each.second_turn),
                f"{share:.3f}" if share else "-",
                _ms(each.healthy_s),
                *(f"{size / 2**20:,.0f}" if size else "-" for size in (each.resident, each.peak)),
                f"{each.health_rate:,.0f}" if each.health_rate else "-",
            )
        )
    headings = ("server", "1st turn ms", "2nd", "2nd/1st", "healthy ms", "resident MiB", "at most")
    caption = (
        f"turns: to the first token, {LONG_TOKENS:,} tokens; healthy: from its start to the first 200 "
        "(OpenVINO's with Python)"
    )
    return Sheet("Turns, start, memory, health", (*headings, "/health a second"), rows, caption)
