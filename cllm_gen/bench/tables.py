"""The benchmark's tables, no wider than 80 columns."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cllm_gen.bench.contest import OURS
from cllm_gen.bench.probe import Abilities
from cllm_gen.bench.ratios import Ratio
from cllm_gen.bench.report import Result

WIDTH = 80  # columns, where the output is no terminal


def table(title: str, first: str, *others: str, caption: str | None = None) -> Table:
    """A column of names and columns of figures; a heading's lines are never cut."""
    shown = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption,
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    shown.add_column(first, no_wrap=True)
    for heading in others:
        shown.add_column(heading, justify="right", no_wrap=True)
    return shown


def counted(threads: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{threads} thread{'s' * (threads > 1)}"


def machine_table(abilities: Abilities) -> Table:
    """What the probe measured."""
    counts = range(1, len(abilities.bandwidth) + 1)
    shown = table(abilities.cpu, "measured on this machine", *map(counted, counts))
    mega = abilities.working_set / 1e6
    shown.add_row(
        f"reads of {mega:.0f} MB, GB/s", *(f"{each / 1e9:.1f}" for each in abilities.bandwidth)
    )
    for unit, peaks in abilities.peaks.items():
        shown.add_row(f"{unit}, 10⁹ operations/s", *(f"{each / 1e9:,.0f}" for each in peaks))
    return shown


def rate_table(title: str, results: list[Result], threads: int) -> Table:
    """Rates at one number of threads, ours first, and their shares of what the machine can do."""
    rows = [each for each in results if each.threads == threads]
    unit = next((each.unit for each in rows if each.unit), None)
    shown = table(
        title,
        "engine, weights",
        "prefill\ntok/s",
        "\n±",
        "decode\ntok/s",
        "\n±",
        "whole\ns",
        "decode, of\nbandwidth",
        "prefill, of\npeak",
        caption=f"±: half the range; bandwidth: of reads; peak: of {unit}" if unit else None,
    )
    for row in rows:
        cells = [row.title, f"{row.prefill.median:,.0f}", row.prefill.spread]
        cells += [f"{row.decode.median:,.1f}", row.decode.spread, f"{row.whole_s:.2f}"]
        for share in (row.bandwidth_share, row.unit_share):
            cells.append("-" if share is None else f"{100 * share:.1f} %")
        shown.add_row(*cells, style="bold" if row.engine == OURS else None)
    return shown


def ratio_table(found: dict[str, dict[str, Ratio]], threads: int) -> Table:
    """How many times each peer's rate ours is (ratios.py)."""
    headings = [
        f"{what},\n{how}"
        for what in ("prefill", "decode")
        for how in ("medians", "rounds", "range")
    ]
    shown = table(
        f"times the peer's rate, {counted(threads)}",
        f"{OURS} beside",
        *headings,
        caption="medians: the ratio of them; rounds: the median of the rounds' own ratios",
    )
    for title, rates in found.items():
        cells = [title]
        for ratio in (rates["prefill"], rates["decode"]):
            cells += [f"{ratio.of_medians:.2f}", f"{ratio.in_rounds:.2f}"]
            cells.append(f"{ratio.least:.1f} - {ratio.most:.1f}")
        shown.add_row(*cells)
    return shown
